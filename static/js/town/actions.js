// What the network thinks of each action, which ones are impossible here, and which one it took.

import { element, setText } from "../live/elements.js";
import { fixed, title } from "../live/words.js";

export class ActionPanel {
  constructor(list, verdict) {
    this.list = list;
    this.verdict = verdict;
  }

  start(town, episode) {
    this.epsilon = episode.start.epsilon;
    const key = town.actions.join();
    if (key === this.key) return;
    this.key = key;
    this.names = town.actions;
    this.rows = town.actions.map((name) => this.#row(name));
    this.list.replaceChildren(...this.rows.map((row) => row.item));
  }

  #row(name) {
    const fill = element("span");
    const bar = element("div", { class: "meter", "aria-hidden": "true" }, fill);
    const value = element("span", { class: "numbers choice-value" });
    const label = element("span", { class: "choice-name" }, title(name));
    const mark = element("span", { class: "choice-mark" });
    const item = element("li", { class: "choice" }, label, mark, bar, value);
    return { item, fill, value, mark };
  }

  draw(episode, index) {
    const values = episode.value("q_values", index);
    const mask = episode.value("mask", index);
    if (!values || !mask) return;
    const taken = episode.value("action", index);
    const greedy = Boolean(episode.value("greedy", index));
    const legal = values.filter((_, action) => mask[action]);
    const [low, high] = [Math.min(...legal), Math.max(...legal)];
    const best = values.findIndex((value, action) => mask[action] && value === high);
    this.rows.forEach((row, action) => {
      const possible = Boolean(mask[action]);
      const share = high > low ? (values[action] - low) / (high - low) : 1;
      row.item.className = `choice${possible ? "" : " impossible"}${action === taken ? " taken" : ""}`;
      row.fill.style.width = possible ? `${6 + 94 * share}%` : "0";
      setText(row.value, possible ? fixed(values[action]) : "not possible");
      setText(row.mark, this.#mark(action, taken, best, greedy));
    });
    setText(this.verdict, this.#sentence(taken, best, greedy));
  }

  #mark(action, taken, best, greedy) {
    if (action === taken) return greedy ? "● taken" : "◆ taken, exploring";
    return action === best ? "best" : "";
  }

  #sentence(taken, best, greedy) {
    const chance = Number.isFinite(this.epsilon) ? ` (ε ${fixed(this.epsilon)})` : "";
    if (greedy) return `${title(this.names[taken])}: the best it knows${chance}`;
    if (taken === best) return `${title(this.names[taken])}: by chance, and also its best${chance}`;
    return `${title(this.names[taken])}: exploring by chance${chance}`;
  }
}
