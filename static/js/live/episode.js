// An episode as it arrives: its start at once, its steps in batches, its end last.

export class Episode {
  constructor(start) {
    this.start = start;
    this.number = start.episode_id;
    this.mode = start.mode;
    this.steps = start.survival_steps;
    this.endedAt = start.ended_at;
    this.columns = {};
    this.end = null;
    this.arrived = new Uint8Array(this.steps);
    this.missing = this.steps;
  }

  get isReplay() {
    return this.mode === "replay";
  }

  get complete() {
    return this.missing === 0;
  }

  /** Puts a batch in its place; the server may send them in another order after a seek. */
  addSteps(message) {
    const from = message.from;
    for (const [name, values] of Object.entries(message.steps)) {
      this.columns[name] ??= new Array(this.steps);
      for (let index = 0; index < values.length; index += 1) {
        this.columns[name][from + index] = values[index];
      }
    }
    for (let index = from; index < from + message.count && index < this.steps; index += 1) {
      if (!this.arrived[index]) {
        this.arrived[index] = 1;
        this.missing -= 1;
      }
    }
  }

  /** May step `index` be shown already? */
  has(index) {
    return this.arrived[index] === 1;
  }

  value(name, index) {
    return this.columns[name]?.[index];
  }
}

/** Takes messages of one run and keeps the episode that is being received. */
export class EpisodeReceiver {
  constructor() {
    this.current = null;
  }

  /** Returns: the episode that the message belongs to, or null if it came too late. */
  take(message) {
    if (message.type === "episode_start") {
      this.current = new Episode(message);
      return this.current;
    }
    const episode = this.current;
    if (!episode || episode.number !== message.episode_id) return null;
    if (message.type === "state_update") episode.addSteps(message);
    if (message.type === "episode_end") episode.end = message;
    return episode;
  }
}
