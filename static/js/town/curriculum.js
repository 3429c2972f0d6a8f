// Where the adversarial curriculum stands, and what it still asks for.

import { element, setText } from "../live/elements.js";
import { count, fixed } from "../live/words.js";

const STAGES = 5;
const PROGRESS_ABOVE = -0.05; // the same in every run: the reward per step may not be falling
const WORDS = {
  1: "Energy and hygiene only, needs fall slowly.",
  2: "Satiation joins in.",
  3: "Money counts: nothing is free any more.",
  4: "All eight meters at full speed.",
  5: "All eight meters, and only death is punished.",
};

export class CurriculumPanel {
  constructor({ track, words, conditions, box }) {
    Object.assign(this, { track, words, conditions, box });
    this.dots = [];
    for (let stage = 1; stage <= STAGES; stage += 1)
      this.dots.push(element("li", { class: "stage" }, String(stage)));
    track.replaceChildren(...this.dots);
  }

  start(episode) {
    const { curriculum_stage: stage, multiplier } = episode.start;
    this.#showStage(stage, multiplier);
  }

  #showStage(stage, multiplier) {
    if (!stage) {
      setText(this.words, "This run has no curriculum: the level is played as it is.");
      this.track.hidden = true;
      return;
    }
    this.track.hidden = false;
    this.dots.forEach((dot, index) => {
      dot.classList.toggle("reached", index + 1 <= stage);
      if (index + 1 === stage) dot.setAttribute("aria-current", "step");
      else dot.removeAttribute("aria-current");
    });
    this.track.setAttribute("aria-label", `Stage ${stage} of ${STAGES}`);
    const speed = Number.isFinite(multiplier)
      ? ` Needs fall at ${fixed(multiplier, 1)} of full speed.`
      : "";
    setText(this.words, `Stage ${stage} of ${STAGES}. ${WORDS[stage] ?? ""}${speed}`);
  }

  /** values: the newest metrics of the run; limits: the four conditions of the level. */
  metrics(values, limits) {
    const rows = conditionRows(values, limits);
    this.conditions.hidden = !rows.length;
    this.conditions.replaceChildren(...rows.map((row) => this.#condition(row)));
  }

  #condition({ name, value, words, met }) {
    return element(
      "li",
      { class: met ? "condition met" : "condition" },
      element("span", {}, name),
      element("span", { class: "numbers" }, value),
      element("span", { class: "muted" }, words),
      element("span", { class: "condition-state" }, met ? "met" : "not yet"),
    );
  }
}

/** What a change of stage asks for in this run; empty without a curriculum. */
export function curriculumLimits(settings) {
  const asked = settings?.training?.curriculum;
  if (!asked?.enabled) return {};
  return {
    survival: asked.advance_survival,
    progress: PROGRESS_ABOVE,
    entropy: asked.entropy_below,
    dwell: asked.dwell_steps,
  };
}

/**
 * Which conditions for the next stage hold; a number that was not reported is left out.
 * limits: as `curriculumLimits` takes them from the run's own settings.
 */
export function conditionRows(values, limits) {
  return [
    {
      key: "dwell_steps",
      name: "Steps at this stage",
      limit: limits.dwell,
      kind: "at least",
      write: count,
    },
    { key: "survival", name: "Survival", limit: limits.survival, kind: "above", write: fixed },
    { key: "progress", name: "Progress", limit: limits.progress, kind: "above", write: fixed },
    {
      key: "entropy",
      name: "Entropy of its choices",
      limit: limits.entropy,
      kind: "below",
      write: fixed,
    },
  ]
    .filter(({ key }) => Number.isFinite(values[`curriculum_${key}`]))
    .map(({ key, name, limit, kind, write }) => {
      const value = values[`curriculum_${key}`];
      const bound = Number(limit);
      const met = { "at least": value >= bound, above: value > bound, below: value < bound }[kind];
      return { name, value: write(value), words: `${kind} ${write(bound)}`, met };
    });
}
