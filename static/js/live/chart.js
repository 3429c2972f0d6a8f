// A uPlot chart that fits its box, follows the colour scheme, and has a table for those who
// do not see it. uPlot itself is vendored and loaded by the page as window.uPlot.

import { colours, element } from "./elements.js";
import { short, count } from "./words.js";

const NAMES = ["ink", "muted", "line", "surface", "accent"];
const SERIES = ["series-1", "series-2", "series-3", "series-4", "series-5", "series-6"];
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [12, 4], [4, 4]];

export class Chart {
  /**
   * box: the element to fill. series: [{label, points, dashed, width}] in drawing order.
   * height: CSS pixels. xLabel, yLabel: words for the table and the screen reader.
   */
  constructor(box, { series, height = 200, xLabel, describe, yRange, xStep = 1 }) {
    Object.assign(this, { box, series, height, xLabel, describe, yRange, xStep });
    this.data = [[], ...series.map(() => [])];
    this.figure = element("div", { class: "chart-canvas", role: "img" });
    this.toggle = element(
      "button",
      { type: "button", class: "quiet small chart-toggle", "aria-expanded": "false" },
      "As table",
    );
    this.table = element("div", {
      class: "table-wrap chart-table",
      tabindex: "0",
      role: "region",
      "aria-label": `${xLabel} as a table`,
      hidden: true,
    });
    this.toggle.addEventListener("click", () => this.#toggleTable());
    box.append(
      element("div", { class: "chart-head" }, this.#legend(), this.toggle),
      this.figure,
      this.table,
    );
    new ResizeObserver(() => this.#resize()).observe(this.figure);
    addEventListener("themechange", () => this.#rebuild());
  }

  setData(data) {
    this.data = data;
    if (this.pending) return;
    // Many messages may arrive between two frames; one drawing is enough for all of them.
    this.pending = requestAnimationFrame(() => {
      this.pending = null;
      this.#show();
    });
  }

  #show() {
    if (!this.plot) this.#rebuild();
    else this.plot.setData(this.data);
    if (this.describe) this.figure.setAttribute("aria-label", this.describe(this.data));
    if (!this.table.hidden) this.#fillTable();
  }

  #legend() {
    const items = this.series.map((entry, index) =>
      element("li", { class: `legend-item series-${(entry.colour ?? index) + 1}` }, entry.label),
    );
    return element("ul", { class: "legend", "aria-hidden": "true" }, ...items);
  }

  #rebuild() {
    this.plot?.destroy();
    this.plot = null;
    const width = Math.floor(this.figure.clientWidth);
    if (!width || !this.data[0].length) return;
    this.plot = new window.uPlot(this.#options(width), this.data, this.figure);
  }

  #resize() {
    const width = Math.floor(this.figure.clientWidth);
    if (!this.plot) this.#rebuild();
    else if (width && width !== this.plot.width) this.plot.setSize({ width, height: this.height });
  }

  #options(width) {
    const ink = colours([...NAMES, ...SERIES], this.box);
    const axis = {
      stroke: ink.muted,
      font: "12px Inter, system-ui, sans-serif",
      grid: { stroke: ink.line, width: 1 },
      ticks: { stroke: ink.line, width: 1, size: 4 },
    };
    return {
      width,
      height: this.height,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 7 } },
      scales: { x: { time: false }, y: this.yRange ? { range: this.yRange } : {} },
      axes: [
        {
          ...axis,
          size: 28,
          space: 60,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6],
          values: (_, ticks) => ticks.map((tick) => count(tick)),
        },
        { ...axis, size: 48, values: (_, ticks) => ticks.map((tick) => short(tick)) },
      ],
      series: [{}, ...this.series.map((entry, index) => this.#line(entry, index, ink))],
      hooks: { setCursor: [(plot) => this.#tell(plot)] },
    };
  }

  #line(entry, index, ink) {
    const stroke = ink[SERIES[entry.colour ?? index]];
    if (entry.points) {
      return {
        stroke: null,
        width: 0,
        paths: () => null,
        points: { show: true, size: 4, fill: stroke, stroke, width: 0 },
      };
    }
    return {
      stroke,
      width: entry.width ?? 2,
      dash: DASHES[entry.dash ?? 0],
      spanGaps: true,
      points: { show: false },
    };
  }

  // The value under the pointer, beside the legend's words.
  #tell(plot) {
    const items = this.box.querySelectorAll(".legend-item");
    const at = plot.cursor.idx;
    this.series.forEach((entry, index) => {
      const value = at === null || at === undefined ? null : this.data[index + 1][at];
      const text =
        value === null || value === undefined ? entry.label : `${entry.label}: ${short(value)}`;
      if (items[index].textContent !== text) items[index].textContent = text;
    });
  }

  #toggleTable() {
    const open = this.table.hidden;
    this.table.hidden = !open;
    this.toggle.setAttribute("aria-expanded", String(open));
    this.toggle.textContent = open ? "Hide table" : "As table";
    if (open) this.#fillTable();
  }

  #fillTable() {
    const head = element(
      "tr",
      {},
      ...[this.xLabel, ...this.series.map((entry) => entry.label)].map((label) =>
        element("th", { scope: "col" }, label),
      ),
    );
    const rows = [];
    const every = Math.max(1, Math.ceil(this.data[0].length / 200)); // a table of 10,000 rows helps nobody
    for (let row = this.data[0].length - 1; row >= 0; row -= every) {
      const cells = this.data
        .slice(1)
        .map((values) =>
          element(
            "td",
            {},
            values[row] === null || values[row] === undefined ? "" : short(values[row]),
          ),
        );
      rows.push(
        element("tr", {}, element("th", { scope: "row" }, count(this.data[0][row])), ...cells),
      );
    }
    this.table.replaceChildren(
      element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)),
    );
  }
}
