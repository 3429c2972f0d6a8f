// The page of one run: wires the socket to the player, the panels and the viewer of its system.
//
// A viewer is a template live/viewers/<viewer>.html, which includes live/_player.html and, where it
// suits, live/_score.html, and a module js/<viewer>/viewer.js with
// `createViewer(root, {seek, redraw, settings})`; settings: the content of the RunSpec. It gives
//   start(episode)                   another episode is shown; its steps may still be on their way
//   draw(episode, index, fraction)   show step `index`, `fraction` of the way to the next one
//   ended(episode)                   an episode has arrived whole, shown or not
//   totals(episode)                  the shown episode is whole
//   metrics(values, series)          the newest numbers of the run, and all: {name: {at, value}}
//   summary(episode)                 one sentence for a screen reader

import { ConnectionBanner } from "./banner.js";
import { PlayerControls } from "./controls.js";
import { setText } from "./elements.js";
import { EpisodeReceiver } from "./episode.js";
import { HealthPanel } from "./health.js";
import { MetricsPanel } from "./metrics.js";
import { Player } from "./player.js";
import { ReplayPanel } from "./replays.js";
import { RunPanel } from "./run_panel.js";
import { ScoreChart } from "./score.js";
import { LiveSocket } from "./socket.js";

const KEPT_TIMINGS = 200;
const SAY_EVERY_MS = 5000;

class RunPage {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const panel = this.find("[data-run-panel]");
    const url = `${scheme}://${location.host}${root.dataset.socket}`;
    this.panel = new RunPanel(panel);
    this.socket = new LiveSocket(url, panel.dataset.runPanel);
    this.tell = (message) => this.socket.send(message);
    this.receiver = new EpisodeReceiver();
    this.player = new Player();
    this.timings = [];
    this.lastNumber = 0; // of the episodes whose summaries have come
    this.toldAt = -Infinity;
    window.hamletLive = { episodes: this.timings, player: this.player, socket: this.socket };
  }

  async start() {
    const { createViewer } = await import(this.root.dataset.viewer);
    const jump = (index) => this.controls.seek(index);
    const settings = readJson("run-settings");
    this.viewer = createViewer(this.root, { seek: jump, redraw: () => this.player.draw(), settings });
    this.#buildPanels();
    this.#listen();
    this.socket.connect();
    this.root.dataset.ready = "true";
  }

  #buildPanels() {
    const { unit, episodeWord } = this.root.dataset;
    this.controls = new PlayerControls(this.find("[data-player-box]"), this.player, this.tell, episodeWord);
    this.banner = new ConnectionBanner(this.find("[data-banner]"), this.socket);
    this.health = new HealthPanel(this.root, this.socket);
    this.metrics = new MetricsPanel({
      list: this.find("[data-metrics]"),
      select: this.find("[data-metric-choice]"),
      box: this.find("[data-metric-chart]"),
      unit,
    });
    const [body, filter, empty] = ["body", "filter", "empty"].map((name) =>
      this.find(`[data-replays-${name}]`),
    );
    this.replays = new ReplayPanel({ body, filter, empty }, this.tell);
    this.replays.onPick = (number) => this.loadReplay(number);
    const first = readJson("run-charts");
    const box = this.find("[data-score]");
    if (box && first.score) this.score = new ScoreChart(box, first.score, episodeWord);
    this.#addEpisodes(first.episodes);
    this.metrics.load(first.metrics);
    this.viewer.metrics(this.metrics.values, this.metrics.series);
  }

  #listen() {
    this.socket.addEventListener("message", (event) => this.#take(event.detail));
    this.player.addEventListener("show", () => this.#showEpisode());
    this.player.addEventListener("frame", (event) => this.#drawFrame(event.detail));
    this.player.addEventListener("finished", () => this.#finished());
    this.find("[data-latest]")?.addEventListener("click", () => this.controls.setFollow("now"));
    addEventListener("themechange", () => this.player.draw());
  }

  #take(message) {
    this.health.heard(message);
    const takers = {
      connected: () => this.#connected(message),
      episode_start: () => this.#episodeStarts(message),
      state_update: () => this.#steps(message),
      episode_end: () => this.#episodeEnds(message),
      metrics: () => this.#showMetrics(message),
      status: () => this.#showStatus(message),
      replay_list: () => this.replays.show(message),
      error: () => this.#showError(message.text),
    };
    takers[message.type]?.();
  }

  // The server begins with the newest episode by itself. After a reconnect as after the first
  // connection, tell it what differs from that, and ask for what was missed.
  #connected(message) {
    this.health.sawEpisode(message.newest_episode);
    this.#catchUp();
    this.replays.ask();
    const { episode, follow, playing } = this.player;
    const asked = Number(new URLSearchParams(location.search).get("episode"));
    if (!episode && Number.isInteger(asked) && asked > 0) this.loadReplay(asked);
    else if (episode?.isReplay && !episode.complete) this.loadReplay(episode.number);
    else if (episode && (follow === "off" || !playing)) this.tell({ type: "pause" });
  }

  loadReplay(number) {
    this.#showError("");
    this.player.setFollow("off");
    this.player.playing = true;
    this.tell({ type: "load_replay", episode: number });
    this.find("[data-stage]")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  #episodeStarts(message) {
    const episode = this.receiver.take(message);
    this.health.arrived(message);
    // Delays are told by what comes the moment it ended, not by what was kept for a joiner.
    if (message.fresh) this.#remember(episode);
    if (episode.isReplay) {
      this.player.show(episode);
      return;
    }
    const shown = this.player.offer(episode);
    if (shown && this.player.follow === "after") this.tell({ type: "pause" });
  }

  #steps(message) {
    const episode = this.receiver.take(message);
    // A running player draws by itself; the first frame does not wait for it.
    const waiting = !this.player.isRunning || (episode && !episode.drawn);
    if (episode && episode === this.player.episode && waiting) this.player.draw();
  }

  #episodeEnds(message) {
    const episode = this.receiver.take(message);
    if (!episode) return;
    this.viewer.ended(episode);
    if (episode === this.player.episode) this.viewer.totals(episode);
  }

  #showEpisode() {
    const episode = this.player.episode;
    this.health.showing(episode);
    this.viewer.start(episode);
    if (episode.end) this.viewer.totals(episode);
    this.replays.mark(episode.number);
    const aside = episode.isReplay && this.root.dataset.status === "running";
    const note = this.find("[data-replay-note]");
    if (note) note.hidden = !aside || this.player.follow !== "off";
    this.#sayShown(episode);
  }

  #drawFrame({ episode, index, fraction }) {
    if (!episode.has(index)) return;
    this.viewer.draw(episode, index, fraction);
    if (episode.drawn) return;
    episode.drawn = true;
    const timing = this.timings.findLast((entry) => entry.episode === episode.number);
    requestAnimationFrame(() => {
      if (timing) timing.drawn_at = nowSeconds();
    });
  }

  // "after" keeps the server quiet while an episode is played; now the newest one is due.
  #finished() {
    if (this.player.follow === "after") this.tell({ type: "follow_latest" });
  }

  #showMetrics(message) {
    // What stands before these and never came: a message was lost on the way. A hole in a chart is
    // filled before what comes after it is drawn.
    const moreMetrics = Object.keys(message.metrics).length > 0;
    if (message.after > this.lastNumber || (moreMetrics && message.metrics_from > this.metrics.newest)) {
      this.#catchUp();
      return;
    }
    if (moreMetrics) {
      this.metrics.add(message.metrics);
      this.viewer.metrics(this.metrics.values, this.metrics.series);
    }
    this.#addEpisodes(message.episodes);
    if (message.replays && message.replays !== this.replayCount) {
      // Episodes are kept about as often as checkpoints are saved.
      if (this.replayCount !== undefined) this.panel.refresh();
      this.replayCount = message.replays;
      this.replays.ask();
    }
  }

  #catchUp() {
    this.tell({ type: "catch_up", after: this.lastNumber, metrics_from: this.metrics.newest });
  }

  #addEpisodes(columns) {
    for (const number of columns?.number ?? []) this.lastNumber = Math.max(this.lastNumber, number);
    this.score?.add(columns);
  }

  #showStatus(message) {
    if (!message.html) return;
    const box = this.find("[data-status-panel]");
    const standing = `${message.status} ${message.wish}`;
    const moved = box.dataset.status !== standing;
    box.innerHTML = message.html; // rendered by the server from its own template
    box.dataset.status = standing;
    this.root.dataset.status = message.status;
    fillMeters(box);
    if (!moved) return;
    setText(
      this.find("[data-summary]"),
      `The run is now ${box.querySelector(".badge").textContent}.`,
    );
    this.panel.refresh();
  }

  #showError(text) {
    const box = this.find("[data-live-error]");
    setText(box, text);
    box.hidden = !text;
  }

  // A screen reader hears of an episode now and then, not of every one of a fast run.
  #sayShown(episode) {
    const now = performance.now();
    if (now - this.toldAt < SAY_EVERY_MS && !episode.isReplay) return;
    this.toldAt = now;
    clearTimeout(this.sayTimer);
    const say = () => setText(this.find("[data-summary]"), this.viewer.summary(episode));
    if (episode.end) say();
    else this.sayTimer = setTimeout(say, 300);
  }

  #remember(episode) {
    this.timings.push({
      episode: episode.number,
      ended_at: episode.endedAt,
      received_at: nowSeconds(),
      drawn_at: null,
    });
    if (this.timings.length > KEPT_TIMINGS) this.timings.shift();
  }
}

function nowSeconds() {
  return (performance.timeOrigin + performance.now()) / 1000;
}

function readJson(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

/** Bars carry their length as data, since the content security policy allows no style attribute. */
export function fillMeters(root) {
  for (const bar of root.querySelectorAll("[data-fill]")) {
    bar.style.width = `${Math.max(0, Math.min(1, Number(bar.dataset.fill))) * 100}%`;
  }
}

const root = document.querySelector("[data-run]");
if (root) {
  document.addEventListener("htmx:afterSwap", () => fillMeters(document));
  fillMeters(document);
  new RunPage(root).start();
}
