// The learner's own numbers: the newest of each, and a chart of the one that is chosen.

import { Chart } from "./chart.js";
import { element, setText } from "./elements.js";
import { short, title } from "./words.js";

const MOST_POINTS = 2000;

export class MetricsPanel {
  /** series: {name: {at: [...], value: [...]}} so far. */
  constructor({ list, select, box, unit }) {
    Object.assign(this, { list, select, unit });
    this.series = {};
    this.values = {};
    this.rows = new Map();
    this.chart = new Chart(box, {
      series: [{ label: "Value" }],
      height: 180,
      xLabel: unit.charAt(0).toUpperCase() + unit.slice(1),
      describe: () => `${title(this.select.value)} is now ${short(this.values[this.select.value])}`,
    });
    select.addEventListener("change", () => this.#draw());
  }

  load(series) {
    this.series = series;
    for (const [name, columns] of Object.entries(series)) this.values[name] = columns.value.at(-1);
    this.#show();
  }

  /** The newest place, in units of progress, of which a number is known. */
  get newest() {
    return Math.max(0, ...Object.values(this.series).map((columns) => columns.at.at(-1)));
  }

  /** series: as in load; points that are here already may be among them. */
  add(series) {
    for (const [name, more] of Object.entries(series)) {
      const columns = (this.series[name] ??= { at: [], value: [] });
      const known = columns.at.at(-1) ?? -1;
      const first = more.at.findIndex((at) => at > known);
      if (first < 0) continue;
      columns.at.push(...more.at.slice(first));
      columns.value.push(...more.value.slice(first));
      this.values[name] = columns.value.at(-1);
      const { length } = columns.at;
      if (length > MOST_POINTS) {
        // Every second one goes; the newest stays, since what is missing is counted from it.
        const stays = (_, index) => (length - index) % 2 === 1;
        columns.at = columns.at.filter(stays);
        columns.value = columns.value.filter(stays);
      }
    }
    this.#show();
  }

  #show() {
    for (const name of Object.keys(this.values).sort()) {
      if (!this.rows.has(name)) this.#addRow(name);
      setText(this.rows.get(name), short(this.values[name]));
    }
    this.#draw();
  }

  #addRow(name) {
    if (!this.rows.size) this.list.replaceChildren();
    const value = element("dd", {});
    this.rows.set(name, value);
    this.list.append(element("dt", {}, title(name)), value);
    this.select.append(element("option", { value: name }, title(name)));
    if (name === this.select.dataset.preferred) this.select.value = name;
  }

  #draw() {
    const columns = this.series[this.select.value];
    if (columns) this.chart.setData([columns.at, columns.value]);
  }
}
