// The course of a game: what Red could expect at each ply, from a sure loss to a sure win.

import { svg } from "../live/elements.js";
import { NAMES } from "./rules.js";

const [WIDTH, HEIGHT] = [300, 90];

export class ValueLine {
  /** box: an svg element. seek: called with the ply that was chosen. */
  constructor(box, seek) {
    Object.assign(this, { box, seek });
    box.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    box.addEventListener("click", (event) => {
      const { left, width } = box.getBoundingClientRect();
      const share = (event.clientX - left) / width;
      this.seek(Math.min(this.plies - 1, Math.floor(share * this.plies)));
    });
  }

  /** values: by ply, from -1 to 1 as Red sees it, or null. */
  show(values, ply) {
    this.plies = values.length;
    const x = (index) => ((index + 0.5) / values.length) * WIDTH;
    const y = (value) => HEIGHT / 2 - value * (HEIGHT / 2 - 4);
    let pen = "M";
    const path = values
      .map((value, index) => {
        if (value === null) {
          pen = "M";
          return "";
        }
        const piece = `${pen}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
        pen = "L";
        return piece;
      })
      .join("");
    this.box.replaceChildren(
      svg("line", { class: "c4-even", x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }),
      svg("line", { class: "c4-now", x1: x(ply), x2: x(ply), y1: 0, y2: HEIGHT }),
      svg("path", { class: "c4-course", d: path || "M0 0" }),
      ...values.flatMap((value, index) =>
        value === null ? [] : [svg("circle", { class: "c4-point", cx: x(index), cy: y(value), r: 2.5 })],
      ),
    );
    const value = values[ply];
    const words = value === null ? "nobody said what to expect" : `Red can expect ${value.toFixed(2)}`;
    this.box.setAttribute("aria-label", `After ${NAMES[(ply % 2) + 1]}'s ply ${ply + 1}, ${words}.`);
  }
}
