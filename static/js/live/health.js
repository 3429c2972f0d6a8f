// How fresh the page is and what was lost on the way.

import { setText } from "./elements.js";
import { count, duration, milliseconds } from "./words.js";

const EVERY_MS = 250;
const KEPT = 50;
const STATES = {
  connecting: "connecting",
  open: "connected",
  waiting: "lost, trying again",
  closed: "closed",
};

export class HealthPanel {
  constructor(root, socket) {
    this.socket = socket;
    this.cells = Object.fromEntries(
      [...root.querySelectorAll("[data-health]")].map((cell) => [cell.dataset.health, cell]),
    );
    this.shown = null;
    this.newest = 0;
    this.dropped = 0;
    this.skipped = 0;
    this.queue = 0;
    this.ages = [];
    this.hops = [];
    setInterval(() => this.#show(), EVERY_MS);
  }

  /** Any message: the way from the server to here. */
  heard(message) {
    if (message.sent_at) keep(this.hops, (this.socket.serverNow() - message.sent_at) * 1000);
    if (Number.isFinite(message.dropped)) this.dropped = message.dropped;
    if (Number.isFinite(message.skipped)) this.skipped = message.skipped;
    if (Number.isFinite(message.queue)) this.queue = message.queue;
    this.sawEpisode(message.newest_episode);
  }

  sawEpisode(number) {
    if (Number.isFinite(number)) this.newest = Math.max(this.newest, number);
  }

  arrived(start) {
    this.sawEpisode(start.episode_id);
    if (start.fresh) keep(this.ages, (this.socket.serverNow() - start.ended_at) * 1000);
  }

  showing(episode) {
    this.shown = episode;
  }

  #show() {
    if (document.hidden) return;
    const age = this.shown ? this.socket.serverNow() - this.shown.endedAt : NaN;
    this.#set("state", STATES[this.socket.state]);
    this.#set("age", Number.isFinite(age) ? duration(age) : "–");
    this.#set("trainer", milliseconds(median(this.ages)));
    this.#set("server", milliseconds(Math.max(0, median(this.hops))));
    this.#set("roundtrip", milliseconds(this.socket.roundTripMs));
    this.#set("newest", this.newest ? count(this.newest) : "–");
    this.#set("dropped", count(this.dropped));
    this.#set("skipped", count(this.skipped));
    this.#set("queue", count(this.queue));
    this.cells.state?.setAttribute("data-state", this.socket.state);
  }

  #set(name, text) {
    setText(this.cells[name], text);
  }
}

function keep(list, value) {
  list.push(value);
  if (list.length > KEPT) list.shift();
}

function median(list) {
  if (!list.length) return NaN;
  const sorted = [...list].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}
