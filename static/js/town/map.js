// The town on a canvas: ground and places, what was visited, what was new, and the agent.

import { colours, crispContext } from "../live/elements.js";
import { Cells, Ground } from "./ground.js";
import { placeAt } from "./town.js";

const GROUPS = ["home", "food", "health", "leisure", "work", "fitness", "other"];
const INKS = [
  "map-ground",
  "map-lot",
  "ink",
  "muted",
  "surface",
  "agent",
  "map-trail",
  "map-visit",
  "map-novelty",
  "map-shade",
  ...GROUPS.flatMap((group) => [`place-${group}`, `place-${group}-soft`]),
];
const MARGIN = 10;
const TRAIL_STEPS = 40;
const [SMALLEST_CELL, LARGEST_CELL] = [4, 120];

export class TownMap {
  constructor(canvas) {
    this.canvas = canvas;
    this.ground = new Ground();
    this.layers = { trail: true, visits: false, novelty: false, view: true };
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.readColours();
  }

  readColours() {
    this.ink = colours(INKS, this.canvas.parentElement);
    this.ground.forget();
  }

  /** Makes room for a town of this size in the width there is. */
  fit(town) {
    const room = this.canvas.parentElement;
    const tallest = Math.max(300, Math.min(680, innerHeight * 0.56));
    const across = (room.clientWidth - 2 * MARGIN) / town.width;
    const down = (tallest - 2 * MARGIN) / town.height;
    const size = Math.max(SMALLEST_CELL, Math.floor(Math.min(across, down, LARGEST_CELL)));
    this.cells = new Cells(town, size, MARGIN);
    this.context = crispContext(this.canvas, this.cells.width, this.cells.height);
  }

  /** Draws the town as it stands before anybody moves. */
  drawEmpty(town) {
    this.fit(town);
    this.ground.prepare(town, this.cells, this.ink, 0);
    this.#paste(this.ground.lots, true);
    this.#paste(this.ground.signs);
  }

  draw(town, episode, index, fraction) {
    this.fit(town);
    this.ground.prepare(town, this.cells, this.ink, episode.value("hour", index) ?? 0);
    this.#paste(this.ground.lots, true);
    if (this.layers.visits) this.#paintVisits(town, episode, index);
    if (this.layers.novelty) this.#paintNovelty(town, episode, index);
    this.#paste(this.ground.signs);
    const agent = this.#agentAt(town, episode, index, fraction);
    if (town.window && this.layers.view) this.#paintView(town, agent);
    if (this.layers.trail) this.#paintTrail(episode, index, agent);
    this.#paintAgent(agent, this.#shareDone(town, episode, index));
  }

  /** How far the present interaction has come, from 0 to 1. */
  #shareDone(town, episode, index) {
    const place = placeAt(town, episode.value("x", index), episode.value("y", index));
    return place ? (episode.value("progress", index) ?? 0) / place.ticks : 0;
  }

  #paste(picture, first = false) {
    const context = this.context;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    if (first) context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(picture, 0, 0);
    context.restore();
  }

  #paintVisits(town, episode, index) {
    const counts = new Map();
    for (let step = 0; step <= index; step += 1) {
      if (!episode.has(step)) continue;
      const key = episode.value("y", step) * town.width + episode.value("x", step);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const most = Math.max(1, ...counts.values());
    this.#paintCells(
      town,
      counts,
      this.ink["map-visit"],
      (value) => Math.sqrt(value / most),
      String,
    );
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
      this.cells.lot(context, x, y, this.cells.size * (0.5 - 0.46 * (0.35 + 0.65 * share)));
      context.fill();
      context.globalAlpha = 1;
      if (this.cells.size < 34) continue;
      context.font = `700 ${Math.max(9, this.cells.size * 0.15)}px Inter, system-ui, sans-serif`;
      context.textAlign = "left";
      context.textBaseline = "top";
      context.fillStyle = this.ink.ink;
      context.fillText(
        write(value),
        MARGIN + (x + 0.09) * this.cells.size,
        MARGIN + (y + 0.09) * this.cells.size,
      );
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
    return {
      x: between(here.x, there.x),
      y: between(here.y, there.y),
      aside: between(here.aside, there.aside),
    };
  }

  #paintView(town, agent) {
    const reach = (town.window - 1) / 2;
    const context = this.context;
    const [left, top] = [
      MARGIN + (agent.x - reach) * this.cells.size,
      MARGIN + (agent.y - reach) * this.cells.size,
    ];
    const side = town.window * this.cells.size;
    context.save();
    context.beginPath();
    context.roundRect(0, 0, this.cells.width, this.cells.height, 12);
    context.clip();
    context.beginPath();
    context.rect(0, 0, this.cells.width, this.cells.height);
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
    context.lineWidth = Math.max(2, this.cells.size * 0.07);
    for (let step = first; step <= index; step += 1) {
      if (!episode.has(step)) continue;
      const here = this.cells.centre(episode.value("x", step), episode.value("y", step));
      const there =
        step === index
          ? this.cells.centre(agent.x, agent.y)
          : this.cells.centre(episode.value("x", step + 1), episode.value("y", step + 1));
      if (here[0] === there[0] && here[1] === there[1]) continue;
      context.globalAlpha = 0.08 + 0.72 * ((step - first + 1) / (index - first + 1)) ** 1.5;
      context.beginPath();
      context.moveTo(...here);
      context.lineTo(...there);
      context.stroke();
    }
    context.restore();
  }

  #paintAgent(agent, share) {
    const context = this.context;
    const shift = 0.27 * agent.aside;
    const [x, y] = this.cells.centre(agent.x + shift, agent.y - shift * 0.75);
    const size = Math.max(5, this.cells.size * (0.21 - 0.05 * agent.aside));
    context.save();
    context.fillStyle = this.ink.agent;
    context.strokeStyle = this.ink.surface;
    context.lineWidth = Math.max(1.5, this.cells.size * 0.045);
    context.shadowColor = "rgb(0 0 0 / 35%)";
    context.shadowBlur = this.cells.size * 0.12;
    context.shadowOffsetY = this.cells.size * 0.03;
    this.#person(context, x, y, size);
    context.shadowColor = "transparent";
    context.stroke();
    if (share > 0) this.#paintRing(x, y, size * 1.7, share);
    context.restore();
  }

  // Head and shoulders, as one outline.
  #person(context, x, y, size) {
    context.beginPath();
    context.moveTo(x - size, y + size * 1.15);
    context.bezierCurveTo(
      x - size,
      y + size * 0.1,
      x - size * 0.55,
      y - size * 0.05,
      x - size * 0.38,
      y - size * 0.12,
    );
    context.arc(x, y - size * 0.62, size * 0.62, 0.72 * Math.PI, 2.28 * Math.PI);
    context.bezierCurveTo(
      x + size * 0.55,
      y - size * 0.05,
      x + size,
      y + size * 0.1,
      x + size,
      y + size * 1.15,
    );
    context.closePath();
    context.fill();
  }

  #paintRing(x, y, radius, share) {
    const context = this.context;
    context.lineWidth = Math.max(3, this.cells.size * 0.06);
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
