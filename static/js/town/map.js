// The town on a canvas: ground and places, what was visited, what was new, and the agent.

import { colours, crispContext } from "../live/elements.js";
import { title } from "../live/words.js";
import { isOpen, placeAt } from "./town.js";
import { placeOf } from "./icons.js";

const GROUPS = ["home", "food", "health", "leisure", "work", "fitness", "other"];
const INKS = [
  "map-ground", "map-lot", "map-edge", "ink", "muted", "surface", "agent", "accent", "map-trail",
  "map-visit", "map-novelty", "map-shade", "warn",
  ...GROUPS.flatMap((group) => [`place-${group}`, `place-${group}-soft`]),
];
const MARGIN = 10;
const TRAIL_STEPS = 40;
const LARGEST_CELL = 120;

export class TownMap {
  constructor(canvas) {
    this.canvas = canvas;
    this.ground = document.createElement("canvas");
    this.signs = document.createElement("canvas");
    this.layers = { trail: true, visits: false, novelty: false, view: true };
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.readColours();
  }

  readColours() {
    this.ink = colours(INKS, this.canvas.parentElement);
    this.groundKey = null;
  }

  /** Makes room for a town of this size in the width there is. */
  fit(town) {
    const room = this.canvas.parentElement;
    const tallest = Math.max(300, Math.min(680, innerHeight * 0.56));
    const across = (room.clientWidth - 2 * MARGIN) / town.width;
    const down = (tallest - 2 * MARGIN) / town.height;
    this.cell = Math.max(8, Math.floor(Math.min(across, down, LARGEST_CELL)));
    this.width = this.cell * town.width + 2 * MARGIN;
    this.height = this.cell * town.height + 2 * MARGIN;
    this.context = crispContext(this.canvas, this.width, this.height);
  }

  /** Draws the town as it stands before anybody moves. */
  drawEmpty(town) {
    this.fit(town);
    this.#prepare(town, 0);
    this.#paste(this.ground, true);
    this.#paste(this.signs);
  }

  draw(town, episode, index, fraction) {
    this.fit(town);
    const hour = episode.value("hour", index) ?? 0;
    this.#prepare(town, hour);
    this.#paste(this.ground, true);
    if (this.layers.visits) this.#paintVisits(town, episode, index);
    if (this.layers.novelty) this.#paintNovelty(town, episode, index);
    this.#paste(this.signs);
    const agent = this.#agentAt(town, episode, index, fraction);
    if (town.window && this.layers.view) this.#paintView(town, agent);
    if (this.layers.trail) this.#paintTrail(episode, index, agent);
    this.#paintAgent(agent, episode.value("progress", index) ?? 0);
  }

  centre(x, y) {
    return [MARGIN + (x + 0.5) * this.cell, MARGIN + (y + 0.5) * this.cell];
  }

  // Ground and signs change rarely, so they are kept as pictures; what was visited lies between.
  #prepare(town, hour) {
    const closed = town.places.map((place) => !isOpen(place, hour));
    const places = town.places.map((place) => `${place.name}${place.x},${place.y}`);
    const key = [this.cell, devicePixelRatio, town.width, town.height, places, closed].join("|");
    if (key === this.groundKey) return;
    this.groundKey = key;
    const lots = crispContext(this.ground, this.width, this.height);
    this.#drawLots(lots, town);
    const signs = crispContext(this.signs, this.width, this.height);
    signs.clearRect(0, 0, this.width, this.height);
    town.places.forEach((place, number) => {
      this.#drawPlot(lots, place, closed[number]);
      this.#drawSign(signs, place, closed[number]);
    });
  }

  #paste(picture, first = false) {
    const context = this.context;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    if (first) context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(picture, 0, 0);
    context.restore();
  }

  #drawLots(pen, town) {
    pen.clearRect(0, 0, this.width, this.height);
    pen.fillStyle = this.ink["map-ground"];
    pen.beginPath();
    pen.roundRect(0, 0, this.width, this.height, 12);
    pen.fill();
    pen.fillStyle = this.ink["map-lot"];
    for (let y = 0; y < town.height; y += 1) {
      for (let x = 0; x < town.width; x += 1) {
        this.#lot(pen, x, y);
        pen.fill();
      }
    }
  }

  #lot(pen, x, y, inset = Math.max(1, this.cell * 0.035)) {
    const size = this.cell - 2 * inset;
    pen.beginPath();
    pen.roundRect(MARGIN + x * this.cell + inset, MARGIN + y * this.cell + inset, size, size, this.cell * 0.14);
  }

  #drawPlot(pen, place, closed) {
    pen.save();
    if (closed) pen.globalAlpha = 0.45;
    pen.fillStyle = this.ink[`place-${placeOf(place.name).group}-soft`];
    this.#lot(pen, place.x, place.y);
    pen.fill();
    pen.restore();
  }

  #drawSign(pen, place, closed) {
    const drawing = placeOf(place.name);
    const [cx, cy] = this.centre(place.x, place.y);
    const labelled = this.cell >= 54;
    const size = this.cell * (labelled ? 0.46 : 0.58);
    const strong = this.ink[`place-${drawing.group}`];
    pen.save();
    if (closed) pen.globalAlpha = 0.5;
    this.#drawIcon(pen, drawing.path, cx, cy - (labelled ? this.cell * 0.1 : 0), size, strong);
    if (labelled) this.#drawLabel(pen, title(place.name), cx, cy + this.cell * 0.31, strong);
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
    const size = Math.max(9, Math.min(13, this.cell * 0.145));
    pen.font = `600 ${size}px Inter, system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = fill;
    pen.fillText(text, x, y, this.cell - 8);
  }

  // A bar across the corner: closed is told by shape, not by paleness alone.
  #drawClosed(pen, place) {
    const [left, top] = [MARGIN + place.x * this.cell, MARGIN + place.y * this.cell];
    const radius = Math.max(4, this.cell * 0.09);
    const [x, y] = [left + this.cell - radius - this.cell * 0.1, top + radius + this.cell * 0.1];
    pen.strokeStyle = this.ink.muted;
    pen.lineWidth = Math.max(1.5, this.cell * 0.025);
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.moveTo(x - radius * 0.65, y + radius * 0.65);
    pen.lineTo(x + radius * 0.65, y - radius * 0.65);
    pen.stroke();
  }

  #paintVisits(town, episode, index) {
    const counts = new Map();
    for (let step = 0; step <= index; step += 1) {
      if (!episode.has(step)) continue;
      const key = episode.value("y", step) * town.width + episode.value("x", step);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const most = Math.max(1, ...counts.values());
    this.#paintCells(town, counts, this.ink["map-visit"], (value) => Math.sqrt(value / most), String);
  }

  #paintNovelty(town, episode, index) {
    const newest = new Map();
    for (let step = 0; step <= index; step += 1) {
      if (!episode.has(step)) continue;
      const key = episode.value("y", step) * town.width + episode.value("x", step);
      newest.set(key, episode.value("novelty", step) ?? 0);
    }
    const most = Math.max(1e-9, ...newest.values());
    const write = (value) => (value >= 10 ? value.toFixed(0) : value.toFixed(1));
    this.#paintCells(town, newest, this.ink["map-novelty"], (value) => value / most, write);
  }

  // Strength shows as the size of a disc and as a number, so it needs no sense of colour.
  #paintCells(town, values, fill, strength, write) {
    const context = this.context;
    for (const [key, value] of values) {
      const [x, y] = [key % town.width, Math.floor(key / town.width)];
      const share = Math.max(0, Math.min(1, strength(value)));
      context.globalAlpha = 0.2 + 0.5 * share;
      context.fillStyle = fill;
      this.#lot(context, x, y, this.cell * (0.5 - 0.46 * (0.35 + 0.65 * share)));
      context.fill();
      context.globalAlpha = 1;
      if (this.cell < 34) continue;
      context.font = `700 ${Math.max(9, this.cell * 0.15)}px Inter, system-ui, sans-serif`;
      context.textAlign = "left";
      context.textBaseline = "top";
      context.fillStyle = this.ink.ink;
      context.fillText(write(value), MARGIN + (x + 0.09) * this.cell, MARGIN + (y + 0.09) * this.cell);
    }
  }

  // `aside` goes from 0 to 1 on a place, where the agent stands beside the drawing and not on it.
  #agentAt(town, episode, index, fraction) {
    const stand = (step) => {
      const [x, y] = [episode.value("x", step), episode.value("y", step)];
      return { x, y, aside: placeAt(town, x, y) ? 1 : 0 };
    };
    const here = stand(index);
    if (this.calm.matches || !episode.has(index + 1)) return here;
    const there = stand(index + 1);
    // Stand for a moment, then walk: a step reads as a step and not as a slide.
    const share = Math.max(0, Math.min(1, (fraction - 0.25) / 0.6));
    const eased = share * share * (3 - 2 * share);
    const between = (from, to) => from + (to - from) * eased;
    return { x: between(here.x, there.x), y: between(here.y, there.y), aside: between(here.aside, there.aside) };
  }

  #paintView(town, agent) {
    const reach = (town.window - 1) / 2;
    const context = this.context;
    const [left, top] = [MARGIN + (agent.x - reach) * this.cell, MARGIN + (agent.y - reach) * this.cell];
    const side = town.window * this.cell;
    context.save();
    context.beginPath();
    context.roundRect(0, 0, this.width, this.height, 12);
    context.clip();
    context.beginPath();
    context.rect(0, 0, this.width, this.height);
    context.roundRect(left, top, side, side, 10);
    context.fillStyle = this.ink["map-shade"];
    context.fill("evenodd");
    context.beginPath();
    context.roundRect(left, top, side, side, 10);
    context.strokeStyle = this.ink.ink;
    context.lineWidth = 2;
    context.setLineDash([7, 5]);
    context.stroke();
    context.restore();
  }

  #paintTrail(episode, index, agent) {
    const context = this.context;
    const first = Math.max(0, index - TRAIL_STEPS);
    context.save();
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = this.ink["map-trail"];
    context.lineWidth = Math.max(2, this.cell * 0.07);
    for (let step = first; step <= index; step += 1) {
      if (!episode.has(step)) continue;
      const here = this.centre(episode.value("x", step), episode.value("y", step));
      const there = step === index ? this.centre(agent.x, agent.y) : this.centre(episode.value("x", step + 1), episode.value("y", step + 1));
      if (here[0] === there[0] && here[1] === there[1]) continue;
      context.globalAlpha = 0.08 + 0.72 * ((step - first + 1) / (index - first + 1)) ** 1.5;
      context.beginPath();
      context.moveTo(...here);
      context.lineTo(...there);
      context.stroke();
    }
    context.restore();
  }

  #paintAgent(agent, progress) {
    const context = this.context;
    const shift = 0.27 * agent.aside;
    const [x, y] = this.centre(agent.x + shift, agent.y - shift * 0.75);
    const size = Math.max(5, this.cell * (0.21 - 0.05 * agent.aside));
    context.save();
    context.fillStyle = this.ink.agent;
    context.strokeStyle = this.ink.surface;
    context.lineWidth = Math.max(1.5, this.cell * 0.045);
    context.shadowColor = "rgb(0 0 0 / 35%)";
    context.shadowBlur = this.cell * 0.12;
    context.shadowOffsetY = this.cell * 0.03;
    this.#person(context, x, y, size);
    context.shadowColor = "transparent";
    context.stroke();
    if (progress > 0) this.#paintRing(x, y, size * 1.7, progress);
    context.restore();
  }

  // Head and shoulders, as one outline.
  #person(context, x, y, size) {
    context.beginPath();
    context.moveTo(x - size, y + size * 1.15);
    context.bezierCurveTo(x - size, y + size * 0.1, x - size * 0.55, y - size * 0.05, x - size * 0.38, y - size * 0.12);
    context.arc(x, y - size * 0.62, size * 0.62, 0.72 * Math.PI, 2.28 * Math.PI);
    context.bezierCurveTo(x + size * 0.55, y - size * 0.05, x + size, y + size * 0.1, x + size, y + size * 1.15);
    context.closePath();
    context.fill();
  }

  #paintRing(x, y, radius, share) {
    const context = this.context;
    context.lineWidth = Math.max(3, this.cell * 0.06);
    context.lineCap = "round";
    context.strokeStyle = this.ink.surface;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
    context.strokeStyle = this.ink.agent;
    context.beginPath();
    context.arc(x, y, radius, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * Math.min(1, share));
    context.stroke();
  }
}
