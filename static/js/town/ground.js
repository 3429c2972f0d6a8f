// The ground of a town with its places, kept as two pictures, since they change rarely.

import { crispContext } from "../live/elements.js";
import { title } from "../live/words.js";
import { placeOf } from "./icons.js";
import { isOpen } from "./town.js";

/** Where the cells of a town lie on its canvas, in CSS pixels. */
export class Cells {
  constructor(town, size, margin) {
    Object.assign(this, { size, margin });
    this.width = size * town.width + 2 * margin;
    this.height = size * town.height + 2 * margin;
  }

  centre(x, y) {
    return [this.margin + (x + 0.5) * this.size, this.margin + (y + 0.5) * this.size];
  }

  /** The outline of a cell's plot, ready to be filled. */
  lot(pen, x, y, inset = Math.max(1, this.size * 0.035)) {
    const side = this.size - 2 * inset;
    const [left, top] = [this.margin + x * this.size, this.margin + y * this.size];
    pen.beginPath();
    pen.roundRect(left + inset, top + inset, side, side, this.size * 0.14);
  }
}

/** `lots` lies below what was visited, `signs` above it. */
export class Ground {
  constructor() {
    this.lots = document.createElement("canvas");
    this.signs = document.createElement("canvas");
  }

  forget() {
    this.key = null;
  }

  /** Draws both pictures anew if anything of them has changed. */
  prepare(town, cells, ink, hour) {
    const closed = town.places.map((place) => !isOpen(place, hour));
    const places = town.places.map((place) => `${place.name}${place.x},${place.y}`);
    const key = [cells.size, devicePixelRatio, town.width, town.height, places, closed].join("|");
    if (key === this.key) return;
    Object.assign(this, { key, cells, ink });
    const lots = crispContext(this.lots, cells.width, cells.height);
    this.#drawLots(lots, town);
    const signs = crispContext(this.signs, cells.width, cells.height);
    signs.clearRect(0, 0, cells.width, cells.height);
    town.places.forEach((place, number) => {
      this.#drawPlot(lots, place, closed[number]);
      this.#drawSign(signs, place, closed[number]);
    });
  }

  #drawLots(pen, town) {
    const { cells } = this;
    pen.clearRect(0, 0, cells.width, cells.height);
    pen.fillStyle = this.ink["map-ground"];
    pen.beginPath();
    pen.roundRect(0, 0, cells.width, cells.height, 12);
    pen.fill();
    pen.fillStyle = this.ink["map-lot"];
    for (let y = 0; y < town.height; y += 1) {
      for (let x = 0; x < town.width; x += 1) {
        cells.lot(pen, x, y);
        pen.fill();
      }
    }
  }

  #drawPlot(pen, place, closed) {
    const { cells } = this;
    pen.save();
    if (closed) pen.globalAlpha = 0.45;
    pen.fillStyle = this.ink[`place-${placeOf(place.name).group}-soft`];
    cells.lot(pen, place.x, place.y);
    pen.fill();
    pen.restore();
  }

  #drawSign(pen, place, closed) {
    const { cells } = this;
    const drawing = placeOf(place.name);
    const [cx, cy] = cells.centre(place.x, place.y);
    const labelled = cells.size >= 54;
    const size = cells.size * (labelled ? 0.46 : 0.58);
    const strong = this.ink[`place-${drawing.group}`];
    pen.save();
    if (closed) pen.globalAlpha = 0.5;
    this.#drawIcon(pen, drawing.path, cx, cy - (labelled ? cells.size * 0.1 : 0), size, strong);
    if (labelled) this.#drawLabel(pen, title(place.name), cx, cy + cells.size * 0.31, strong);
    pen.restore();
    if (closed) this.#drawClosed(pen, place);
  }

  #drawIcon(pen, path, x, y, size, stroke) {
    pen.save();
    pen.translate(x - size / 2, y - size / 2);
    pen.scale(size / 24, size / 24);
    pen.lineWidth = Math.max(1.5, 36 / size);
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = stroke;
    pen.stroke(new Path2D(path));
    pen.restore();
  }

  #drawLabel(pen, text, x, y, fill) {
    const { cells } = this;
    const size = Math.max(9, Math.min(13, cells.size * 0.145));
    pen.font = `600 ${size}px Inter, system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = fill;
    pen.fillText(text, x, y, cells.size - 8);
  }

  // A bar across the corner: closed is told by shape, not by paleness alone.
  #drawClosed(pen, place) {
    const { cells } = this;
    const [left, top] = [cells.margin + place.x * cells.size, cells.margin + place.y * cells.size];
    const radius = Math.max(4, cells.size * 0.09);
    const [x, y] = [left + cells.size - radius - cells.size * 0.1, top + radius + cells.size * 0.1];
    pen.strokeStyle = this.ink.muted;
    pen.lineWidth = Math.max(1.5, cells.size * 0.025);
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.moveTo(x - radius * 0.65, y + radius * 0.65);
    pen.lineTo(x + radius * 0.65, y - radius * 0.65);
    pen.stroke();
  }
}
