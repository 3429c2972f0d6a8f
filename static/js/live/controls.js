// The buttons, the slider and the keys of the player.

import { setText } from "./elements.js";
import { count, duration, title } from "./words.js";

const SWITCH = "shortcuts";

export class PlayerControls {
  /** tell: sends a message to the server, which may change what it sends next. */
  constructor(root, player, tell, episodeWord = "episode") {
    Object.assign(this, { root, player, tell, episodeWord });
    this.part = (name) => root.querySelector(`[data-player="${name}"]`);
    this.slider = this.part("slider");
    this.playButton = this.part("play");
    this.follow = [...root.querySelectorAll('[name="follow"]')];
    this.#listen();
    player.addEventListener("change", () => this.#showState());
    player.addEventListener("finished", () => this.#showState());
    player.addEventListener("show", () => this.#showEpisode());
    player.addEventListener("frame", (event) => this.#showFrame(event.detail));
    this.#showState();
  }

  #listen() {
    const on = (name, act) => this.part(name).addEventListener("click", act);
    on("play", () => this.toggle());
    on("back", () => this.step(-1));
    on("forward", () => this.step(1));
    on("first", () => this.seek(0));
    on("last", () => this.seek(Infinity));
    this.slider.addEventListener("input", () => this.scrub(Number(this.slider.value)));
    this.part("speed").addEventListener("change", (event) => this.setSpeed(event.target.value));
    for (const choice of this.follow) {
      choice.addEventListener("change", () => this.setFollow(choice.value));
    }
    document.addEventListener("keydown", (event) => this.#key(event));
    this.#listenToSwitch();
  }

  // One-letter shortcuts can be in the way of speech input; WCAG 2.1.4 wants a switch.
  #listenToSwitch() {
    const box = this.part("shortcuts");
    box.checked = localStorage.getItem(SWITCH) !== "off";
    box.addEventListener("change", () => localStorage.setItem(SWITCH, box.checked ? "on" : "off"));
  }

  toggle() {
    this.player.toggle();
    const quiet = !this.player.playing || this.player.follow !== "now";
    this.tell({ type: quiet ? "pause" : "play" });
  }

  step(by) {
    this.player.stepBy(by);
    this.tell({ type: "step", by });
  }

  seek(index) {
    const last = (this.player.episode?.steps ?? 1) - 1;
    const target = Math.max(0, Math.min(index, last));
    this.player.seek(target);
    if (this.player.episode && !this.player.episode.has(target)) {
      this.tell({ type: "seek", step: target });
    }
  }

  // Who scrubs wants to see this episode: the next one waits until it has been played.
  scrub(index) {
    if (this.player.follow === "now") {
      this.player.setFollow("after");
      this.tell({ type: "pause" });
    }
    this.seek(index);
  }

  setSpeed(text) {
    this.player.setSpeed(text === "auto" ? "auto" : Number(text));
    this.tell({ type: "set_speed", speed: text === "auto" ? 1 : Number(text) });
  }

  setFollow(follow) {
    const busy = this.player.episode && !this.player.finished;
    if (follow !== "off") this.player.playing = true;
    this.player.setFollow(follow);
    // "after": the server keeps quiet until the present episode has been played.
    this.tell({
      type: follow === "now" || (follow === "after" && !busy) ? "follow_latest" : "pause",
    });
  }

  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (!this.part("shortcuts").checked || !this.player.episode) return;
    if (event.target.closest("input:not([type=range]), select, textarea, [contenteditable]"))
      return;
    // A focused button, link or slider keeps the keys that are its own.
    const onControl = event.target.closest("button, a, summary, input");
    const own = onControl?.matches("input")
      ? ["ArrowLeft", "ArrowRight", "Home", "End", " "]
      : [" "];
    if (onControl && own.includes(event.key)) return;
    const act = this.#shortcut(event);
    if (!act) return;
    event.preventDefault();
    act();
  }

  #shortcut(event) {
    const stride = event.shiftKey ? 10 : 1;
    const acts = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.step(-stride),
      ArrowRight: () => this.step(stride),
      Home: () => this.seek(0),
      End: () => this.seek(Infinity),
      l: () => this.setFollow("now"),
      L: () => this.setFollow("now"),
      "+": () => this.#faster(1),
      "-": () => this.#faster(-1),
    };
    return acts[event.key];
  }

  #faster(direction) {
    this.player.faster(direction);
    this.tell({ type: "set_speed", speed: this.player.speed });
  }

  #showState() {
    const player = this.player;
    const idle = player.atEnd && player.finished && player.follow === "off";
    const playing = player.playing && !idle;
    const words = playing ? "Pause" : "Play";
    if (this.playButton.getAttribute("aria-label") !== words) {
      this.playButton.setAttribute("aria-label", words);
      this.playButton.title = `${words} (space)`;
      this.playButton.dataset.state = playing ? "playing" : "paused";
    }
    this.part("speed").value = String(player.speed);
    for (const choice of this.follow) choice.checked = choice.value === player.follow;
  }

  #showEpisode() {
    const { steps, number, isReplay } = this.player.episode;
    this.slider.max = String(Math.max(0, steps - 1));
    this.slider.disabled = false;
    for (const button of this.root.querySelectorAll("button[data-player]")) button.disabled = false;
    setText(this.part("title"), `${isReplay ? `Replay of ${this.episodeWord}` : title(this.episodeWord)} ${count(number)}`);
    this.root.dataset.mode = isReplay ? "replay" : "live";
  }

  #showFrame({ episode, index }) {
    if (Number(this.slider.value) !== index) this.slider.value = String(index);
    const words = `Step ${count(index + 1)} of ${count(episode.steps)}`;
    this.slider.setAttribute("aria-valuetext", words);
    setText(this.part("step"), `${count(index + 1)} / ${count(episode.steps)}`);
    const left = (episode.steps - 1 - index) / this.player.stepsPerSecond;
    setText(this.part("left"), this.player.playing && left > 1 ? `${duration(left)} left` : "");
  }
}
