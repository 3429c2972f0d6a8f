// The three reward streams over the last hundred steps, and their sums so far.

import { Chart } from "../live/chart.js";
import { element, setText } from "../live/elements.js";
import { fixed } from "../live/words.js";

const STREAMS = ["extrinsic", "intrinsic", "shaping"];
const WINDOW = 100;
const REDRAW_MS = 100; // the eye does not follow a chart faster

export class RewardPanel {
  constructor(box, sums) {
    this.chart = new Chart(box, {
      series: [
        { label: "Extrinsic" },
        { label: "Intrinsic", dash: 1 },
        { label: "Shaping", dash: 2 },
      ],
      height: 150,
      xLabel: "Step",
      describe: () => this.words,
    });
    this.sums = STREAMS.map((name) => {
      const value = element("dd", { class: "numbers" });
      sums.append(element("dt", {}, name), value);
      return value;
    });
  }

  start() {
    clearTimeout(this.later);
    this.index = -1;
    this.drawnAt = -Infinity;
    this.totals = STREAMS.map(() => [0]);
    this.summed = 0;
  }

  draw(episode, index) {
    this.#sum(episode, index);
    if (index === this.index) return;
    clearTimeout(this.later);
    const wait = REDRAW_MS - (performance.now() - this.drawnAt);
    const near = this.index >= 0 && Math.abs(index - this.index) < WINDOW;
    if (near && wait > 0) {
      // The last of many quick steps is drawn too, when the others have stopped coming.
      this.later = setTimeout(() => this.draw(episode, index), wait);
      return;
    }
    this.index = index;
    this.drawnAt = performance.now();
    this.#show(episode, index);
  }

  #show(episode, index) {
    const steps = [];
    const streams = STREAMS.map(() => []);
    for (let step = Math.max(0, index - WINDOW + 1); step <= index; step += 1) {
      steps.push(step + 1);
      STREAMS.forEach((name, number) => streams[number].push(episode.value(name, step) ?? null));
    }
    const sums = this.totals.map((total) => total[Math.min(index + 1, total.length - 1)]);
    sums.forEach((total, number) => setText(this.sums[number], fixed(total)));
    this.words = `Rewards of the last ${steps.length} steps. So far: ${STREAMS.map((name, number) => `${name} ${fixed(sums[number])}`).join(", ")}.`;
    this.chart.setData([steps, ...streams]);
  }

  #sum(episode, index) {
    while (this.summed <= index && episode.has(this.summed)) {
      STREAMS.forEach((name, number) => {
        const total = this.totals[number];
        total.push(total.at(-1) + (episode.value(name, this.summed) ?? 0));
      });
      this.summed += 1;
    }
  }
}
