// How long each episode lasted, and the mean of every hundred: does it learn?

import { Chart } from "./chart.js";
import { count, fixed } from "./words.js";

const BLOCK = 100;
const MOST_POINTS = 3000;

export class SurvivalChart {
  constructor(box, unit) {
    this.points = new Map();
    this.unit = unit;
    this.chart = new Chart(box, {
      series: [
        { label: `Steps survived in each ${unit}`, points: true, colour: 3 },
        { label: `Mean of every ${BLOCK} ${unit}s`, width: 2.5, colour: 0 },
      ],
      height: 220,
      xLabel: unit.charAt(0).toUpperCase() + unit.slice(1),
      describe: () => this.words,
      yRange: (_, low, high) => [0, Math.max(1, high) * 1.05],
    });
  }

  get lastNumber() {
    return this.last ?? 0;
  }

  /** columns: {number: [...], survival_steps: [...]}, in any order, known ones again or not. */
  add(columns) {
    if (!columns?.number?.length) return;
    columns.number.forEach((number, index) => {
      this.points.set(number, columns.survival_steps[index]);
      this.last = Math.max(this.last ?? 0, number);
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
    const steps = numbers.map((number) => this.points.get(number));
    const trend = this.#trend(numbers, steps);
    this.words = this.#describe(numbers, steps, trend);
    this.chart.setData([numbers, steps, trend]);
  }

  // One point for each block, standing at its end; the unfinished block stands at the last episode.
  #trend(numbers, steps) {
    const trend = new Array(numbers.length).fill(null);
    let [sum, size] = [0, 0];
    numbers.forEach((number, index) => {
      sum += steps[index];
      size += 1;
      const next = numbers[index + 1];
      const ends =
        next === undefined || Math.floor((next - 1) / BLOCK) !== Math.floor((number - 1) / BLOCK);
      if (!ends) return;
      trend[index] = sum / size;
      [sum, size] = [0, 0];
    });
    return trend;
  }

  #describe(numbers, steps, trend) {
    const means = trend.filter((value) => value !== null);
    const newest = `Last ${this.unit} ${count(numbers.at(-1))} lasted ${fixed(steps.at(-1), 0)} steps.`;
    if (means.length < 2) return newest;
    return `${newest} Mean survival went from ${fixed(means[0], 0)} to ${fixed(means.at(-1), 0)} steps.`;
  }
}
