// Certificates of the lives that were seen: the longest one, and the latest ends.

import { element } from "../live/elements.js";
import { countOf, title } from "../live/words.js";
import { endInWords } from "./town.js";

const RECENT = 5;

export class CertificatePanel {
  constructor(best, recent, onPick) {
    Object.assign(this, { best, recent, onPick });
    this.lives = [];
    this.longest = null;
  }

  add(town, episode) {
    const life = {
      number: episode.number,
      steps: episode.steps,
      limit: town.maxSteps,
      reason: episode.end.reason,
      meters: episode.end.meters_at_end ?? [],
      names: town.meters,
    };
    this.lives = [life, ...this.lives.filter((other) => other.number !== life.number)].slice(
      0,
      RECENT,
    );
    if (!this.longest || life.steps > this.longest.steps) this.longest = life;
    this.best.replaceChildren(this.#card(this.longest));
    this.recent.replaceChildren(...this.lives.map((one) => this.#card(one)));
  }

  #card(life) {
    const heading = element("h4", {}, `Episode ${life.number}`);
    const words = element(
      "p",
      {},
      `Lived ${countOf(life.steps, "step")} of ${life.limit}, ${endInWords(life.reason)}.`,
    );
    const bars = life.meters.map((value, index) => {
      const fill = element("span");
      fill.style.height = `${Math.max(0, Math.min(1, value)) * 100}%`;
      const name = title(life.names[index]);
      return element(
        "li",
        { title: `${name} ${Math.round(value * 100)} %` },
        fill,
        element("span", { class: "visually-hidden" }, `${name} ${Math.round(value * 100)} %`),
      );
    });
    const level = (life.reason ?? "").startsWith("death") ? "died" : "lived";
    return element(
      "article",
      { class: `certificate ${level}` },
      heading,
      words,
      element("ul", { class: "last-meters", "aria-label": "Meters at the end" }, ...bars),
    );
  }
}
