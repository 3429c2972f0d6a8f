// Plays an episode: where we are in it, how fast, and what comes after it.
//
// Events: "show" (another episode), "frame" (detail: {episode, index, fraction}), "change"
// (playing, speed or follow), "finished" (the last step was shown).
//
// follow: "now"   a new live episode is shown the moment it arrives,
//         "after" it is shown when the present one has been played to its end,
//         "off"   the present one stays.

const STEPS_PER_SECOND = 10; // at speed 1
const FASTEST_AUTO = 12;
const SPEEDS = [0.2, 0.5, 1, 2, 5, 10];

export class Player extends EventTarget {
  constructor() {
    super();
    this.episode = null;
    this.position = 0;
    this.playing = true;
    this.speed = "auto";
    this.follow = "now";
    this.pace = 2; // of "auto", until arrivals tell better
    this.waitingEpisode = null;
    this.arrivals = [];
  }

  get index() {
    return Math.min(Math.floor(this.position), Math.max(0, (this.episode?.steps ?? 1) - 1));
  }

  get atEnd() {
    return this.episode !== null && this.position >= this.episode.steps - 1;
  }

  get isRunning() {
    return Boolean(this.frameRequest);
  }

  /** A live episode has begun to arrive. Returns: whether it is shown at once. */
  offer(episode) {
    this.#learnPace(episode);
    const free = !this.episode || (this.playing && (this.follow === "now" || this.atEnd));
    if (this.follow !== "off" && free) {
      this.show(episode);
      return true;
    }
    this.waitingEpisode = episode;
    return false;
  }

  show(episode) {
    this.episode = episode;
    this.position = 0;
    this.waitingEpisode = null;
    this.finished = false;
    this.#emit("show");
    this.draw();
    this.#run();
  }

  play() {
    if (!this.episode) return;
    this.playing = true;
    if (this.atEnd && this.follow !== "off" && this.waitingEpisode) {
      this.show(this.waitingEpisode);
      return;
    }
    if (this.atEnd) this.position = 0;
    this.finished = false;
    this.#emit("change");
    this.#run();
  }

  pause() {
    this.playing = false;
    this.#emit("change");
    this.draw();
  }

  toggle() {
    if (this.playing && !(this.atEnd && this.follow === "off")) this.pause();
    else this.play();
  }

  /** Goes to a step; the agent stands still there if the player is paused. */
  seek(index) {
    if (!this.episode) return;
    this.position = Math.max(0, Math.min(index, this.episode.steps - 1));
    this.finished = false;
    this.draw();
    this.#run();
  }

  stepBy(steps) {
    this.playing = false;
    this.#emit("change");
    this.seek(this.index + steps);
  }

  setSpeed(speed) {
    this.speed = speed;
    this.#emit("change");
  }

  faster(direction) {
    const now = this.speed === "auto" ? 1 : this.speed;
    const place = SPEEDS.indexOf(SPEEDS.find((speed) => speed >= now) ?? SPEEDS.at(-1));
    this.setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, place + direction))]);
  }

  setFollow(follow) {
    this.follow = follow;
    this.#emit("change");
    if (follow === "now" && this.playing && this.waitingEpisode) this.show(this.waitingEpisode);
    this.#run();
  }

  get stepsPerSecond() {
    return STEPS_PER_SECOND * (this.speed === "auto" ? this.pace : this.speed);
  }

  draw() {
    if (!this.episode) return;
    const fraction = Math.min(this.position, this.episode.steps - 1) - this.index;
    this.dispatchEvent(
      new CustomEvent("frame", {
        detail: { episode: this.episode, index: this.index, fraction: Math.max(0, fraction) },
      }),
    );
  }

  // "auto" while following: an episode is played in the time that the next one takes to come,
  // which is the pace at which the training really lives through it.
  #learnPace(episode) {
    const now = performance.now() / 1000;
    this.arrivals.push({ now, steps: episode.steps });
    if (this.arrivals.length > 6) this.arrivals.shift();
    if (this.arrivals.length < 2) return;
    const lived = this.arrivals.slice(0, -1).reduce((sum, arrival) => sum + arrival.steps, 0);
    const rate = lived / Math.max(0.05, now - this.arrivals[0].now);
    this.pace = Math.max(1, Math.min(FASTEST_AUTO, (1.1 * rate) / STEPS_PER_SECOND));
  }

  #run() {
    if (this.frameRequest || !this.playing) return;
    this.lastTick = null;
    this.frameRequest = requestAnimationFrame((now) => this.#tick(now));
  }

  #tick(now) {
    this.frameRequest = null;
    if (!this.playing || !this.episode) return;
    const elapsed = this.lastTick === null ? 0 : Math.min(0.25, (now - this.lastTick) / 1000);
    this.lastTick = now;
    const next = this.position + elapsed * this.stepsPerSecond;
    // Wait at the edge of what has arrived.
    const edge = Math.min(Math.floor(next) + 1, this.episode.steps - 1);
    if (this.episode.has(edge)) this.position = Math.min(next, this.episode.steps - 1);
    this.draw();
    if (this.atEnd) {
      this.#finish();
      return;
    }
    this.frameRequest = requestAnimationFrame((later) => this.#tick(later));
  }

  #finish() {
    if (this.finished) return;
    this.finished = true;
    this.#emit("finished");
    if (this.follow !== "off" && this.waitingEpisode) this.show(this.waitingEpisode);
  }

  #emit(name) {
    this.dispatchEvent(new Event(name));
  }
}
