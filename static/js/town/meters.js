// Bars of the agent's needs and means, what drags down what, and the moments that mattered.

import { element, setText } from "../live/elements.js";
import { listing, title } from "../live/words.js";
import { meterIcon } from "./icons.js";
import { PIVOTAL, cascadesNow, placeAt } from "./town.js";

const NEARLY_DEAD = 0.1;

export class MeterPanel {
  constructor(list) {
    this.list = list;
    this.rows = [];
  }

  start(town) {
    this.town = town;
    const key = [...town.meters, ...town.active, town.crisis].join();
    if (key === this.key) return;
    this.key = key;
    this.rows = town.meters.map((name) => this.#row(name));
    this.list.replaceChildren(...this.rows.map((row) => row.item));
  }

  #row(name) {
    const inactive = !this.town.active.has(name);
    const fill = element("span");
    const bar = element(
      "div",
      {
        class: "meter need-bar",
        role: "meter",
        "aria-label": title(name),
        "aria-valuemin": "0",
        "aria-valuemax": "100",
      },
      fill,
    );
    const mark = element("i", { class: "need-mark", "aria-hidden": "true" });
    mark.style.left = `${this.town.crisis * 100}%`;
    if (!inactive) bar.append(mark);
    const value = element("span", { class: "need-value numbers" });
    const note = element(
      "p",
      { class: "need-note" },
      inactive ? "held at its start: not active at this stage" : "",
    );
    const heading = element("span", { class: "need-name" }, meterIcon(name), title(name));
    const item = element(
      "li",
      { class: inactive ? "need inactive" : "need" },
      heading,
      value,
      bar,
      note,
    );
    return { name, item, fill, bar, value, note, inactive };
  }

  draw(episode, index) {
    const values = episode.value("meters", index);
    if (!values) return;
    const before = episode.value("meters", index - 1) ?? values;
    const pulled = new Map(
      cascadesNow(this.town, values).map(({ source, targets }) => [source, targets]),
    );
    this.rows.forEach((row, number) =>
      this.#drawRow(row, values[number], values[number] - before[number], pulled.get(row.name)),
    );
  }

  #drawRow(row, value, change, targets) {
    row.fill.style.width = `${Math.max(0, Math.min(1, value)) * 100}%`;
    const rounded = Math.round(value * 100);
    row.bar.setAttribute("aria-valuenow", rounded);
    const arrow = change > 0.0015 ? "▲" : change < -0.0015 ? "▼" : "";
    setText(row.value, `${arrow} ${rounded} %`);
    if (row.inactive) return;
    const level = value < NEARLY_DEAD ? "bad" : value < this.town.crisis ? "warn" : "good";
    if (row.level !== level) {
      row.level = level;
      row.item.dataset.level = level;
    }
    setText(row.note, this.#note(row.name, value, targets));
  }

  #note(name, value, targets) {
    const words = [];
    if (PIVOTAL.has(name) && value < this.town.crisis) words.push("death at 0");
    if (targets) words.push(`drags down ${listing(targets)}`);
    return words.join("; ");
  }
}

/** The log of critical events: crossings of the threshold, poverty at a counter, death. */
export class EventLog {
  constructor(list, onPick) {
    this.list = list;
    this.onPick = onPick;
  }

  start(town, episode) {
    this.town = town;
    this.episode = episode;
    this.scanned = 0;
    this.shownUpTo = -1;
    this.events = [];
    this.list.replaceChildren();
  }

  draw(episode, index) {
    this.#scan(index);
    if (index === this.shownUpTo) return;
    this.shownUpTo = index;
    const until = this.events
      .filter((event) => event.step <= index)
      .slice(-12)
      .reverse();
    const key = until.map((event) => event.step + event.text).join();
    if (key === this.key) return;
    this.key = key;
    this.list.replaceChildren(...until.map((event) => this.#item(event)));
    if (!until.length)
      this.list.append(element("li", { class: "muted" }, "Nothing critical so far."));
  }

  // Steps may still be missing; go on from where we stopped when they have come.
  #scan(index) {
    while (this.scanned <= index && this.episode.has(this.scanned)) {
      this.#read(this.scanned);
      this.scanned += 1;
    }
  }

  #read(step) {
    const now = this.episode.value("meters", step);
    const before = this.episode.value("meters", step - 1) ?? now;
    this.town.meters.forEach((name, number) => {
      if (!this.town.active.has(name)) return;
      const crossed = (edge) => before[number] >= edge && now[number] < edge;
      if (crossed(this.town.crisis)) this.#note(step, "warn", this.#crisis(name));
      if (PIVOTAL.has(name) && crossed(NEARLY_DEAD))
        this.#note(step, "bad", `${title(name)} nearly gone`);
      if (before[number] < this.town.crisis && now[number] >= this.town.crisis)
        this.#note(step, "good", `${title(name)} recovered${this.#where(step)}`);
    });
  }

  #crisis(name) {
    const targets = this.town.cascades
      .filter((cascade) => cascade.source === name && this.town.active.has(cascade.target))
      .map((cascade) => cascade.target);
    const tail = targets.length ? `: drags down ${listing([...new Set(targets)])}` : "";
    return `${title(name)} below ${Math.round(this.town.crisis * 100)} %${tail}`;
  }

  #where(step) {
    const place = placeAt(
      this.town,
      this.episode.value("x", step - 1),
      this.episode.value("y", step - 1),
    );
    return place ? ` at ${title(place.name)}` : "";
  }

  #note(step, level, text) {
    this.events.push({ step, level, text });
  }

  #item(event) {
    const button = element(
      "button",
      { type: "button", class: "quiet small event-step" },
      `Step ${event.step + 1}`,
    );
    button.addEventListener("click", () => this.onPick(event.step));
    return element(
      "li",
      { class: `event ${event.level}` },
      button,
      element("span", {}, event.text),
    );
  }
}
