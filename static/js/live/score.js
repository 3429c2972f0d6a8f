// The score of each episode, and the mean of every hundred: does it learn?

import { Chart } from "./chart.js";
import { count, short } from "./words.js";

const BLOCK = 100;
const MOST_POINTS = 3000;

export class ScoreChart {
  /** score: what the system says of it: {field, title, unit, limit}; unit: what an episode is called. */
  constructor(box, score, unit) {
    this.points = new Map();
    this.score = score;
    this.unit = unit;
    this.chart = new Chart(box, {
      series: [
        { label: `${score.title} in each ${unit}`, points: true, colour: 3 },
        { label: `Mean of every ${BLOCK} ${unit}s`, width: 2.5, colour: 0 },
      ],
      height: 220,
      xLabel: unit.charAt(0).toUpperCase() + unit.slice(1),
      describe: () => this.words,
      yRange: (_, low, high) => [Math.min(0, low) * 1.05, Math.max(1, high) * 1.05],
    });
  }

  /** columns: {number: [...], <field>: [...]}, in any order, known ones again or not. */
  add(columns) {
    if (!columns?.number?.length) return;
    columns.number.forEach((number, index) => {
      this.points.set(number, columns[this.score.field][index]);
    });
    this.#thin();
    this.#show();
  }

  // Every second point of the older half goes: recent lives stay exact, the trend stays true.
  #thin() {
    if (this.points.size <= MOST_POINTS) return;
    const numbers = [...this.points.keys()].sort((one, other) => one - other);
    numbers.slice(0, numbers.length / 2).forEach((number, index) => {
      if (index % 2) this.points.delete(number);
    });
  }

  #show() {
    const numbers = [...this.points.keys()].sort((one, other) => one - other);
    const values = numbers.map((number) => this.points.get(number));
    const trend = this.#trend(numbers, values);
    this.words = this.#describe(numbers, values, trend);
    this.chart.setData([numbers, values, trend]);
  }

  // One point for each block, standing at its end; the unfinished block stands at the last episode.
  #trend(numbers, values) {
    const trend = new Array(numbers.length).fill(null);
    let [sum, size] = [0, 0];
    numbers.forEach((number, index) => {
      // A number that was not finite came as null: a gap.
      if (values[index] !== null) [sum, size] = [sum + values[index], size + 1];
      const next = numbers[index + 1];
      const ends =
        next === undefined || Math.floor((next - 1) / BLOCK) !== Math.floor((number - 1) / BLOCK);
      if (!ends) return;
      trend[index] = size ? sum / size : null;
      [sum, size] = [0, 0];
    });
    return trend;
  }

  #describe(numbers, values, trend) {
    const { title, limit } = this.score;
    const most = limit === null ? "" : ` of at most ${this.#spell(limit)}`;
    const last = `${this.unit} ${count(numbers.at(-1))}`;
    const newest = `${title} in the last ${last}: ${this.#spell(values.at(-1))}${most}.`;
    const means = trend.filter((value) => value !== null);
    if (means.length < 2) return newest;
    return `${newest} Its mean went from ${short(means[0])} to ${this.#spell(means.at(-1))}.`;
  }

  #spell(value) {
    const number = value === null ? "unknown" : short(value);
    return `${number} ${this.score.unit}`.trim();
  }
}
