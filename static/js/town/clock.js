// The hour, who is open, and how far the present interaction has come.

import { element, setText, svg } from "../live/elements.js";
import { title } from "../live/words.js";
import { placeIcon } from "./icons.js";
import { isOpen, placeAt } from "./town.js";

const RING = 2 * Math.PI * 20;

export class ClockPanel {
  constructor({ dial, hour, ring, doing, places, note }) {
    Object.assign(this, { dial, hour, ring, doing, places, note });
    this.hand = svg("line", { x1: 50, y1: 50, x2: 50, y2: 20, class: "clock-hand" });
    const ticks = [];
    for (let hour = 0; hour < 24; hour += 1) {
      const long = hour % 6 === 0;
      ticks.push(
        svg("line", {
          x1: 50,
          y1: 5,
          x2: 50,
          y2: long ? 12 : 8,
          class: "clock-tick",
          transform: `rotate(${hour * 15} 50 50)`,
        }),
      );
    }
    dial.append(
      svg("circle", { cx: 50, cy: 50, r: 46, class: "clock-face" }),
      ...ticks,
      this.hand,
      svg("circle", { cx: 50, cy: 50, r: 3.5, class: "clock-pin" }),
    );
    this.arc = svg("circle", {
      cx: 24,
      cy: 24,
      r: 20,
      class: "ring-arc",
      transform: "rotate(-90 24 24)",
      "stroke-dasharray": RING,
      "stroke-dashoffset": RING,
    });
    ring.append(svg("circle", { cx: 24, cy: 24, r: 20, class: "ring-track" }), this.arc);
  }

  start(town) {
    this.town = town;
    this.dial.toggleAttribute("data-still", !town.temporal);
    if (!town.temporal) setText(this.hour, "");
    setText(
      this.note,
      town.temporal
        ? ""
        : "Time stands still here: every place is open and an interaction takes one step.",
    );
    const key =
      town.places.map((place) => place.name + place.opens + place.closes).join() + town.temporal;
    if (key === this.key) return;
    this.key = key;
    this.rows = town.temporal ? town.places.map((place) => this.#row(place)) : [];
    this.places.replaceChildren(...this.rows.map((row) => row.item));
  }

  #row(place) {
    const always = place.closes - place.opens >= 24;
    const hours = always ? "always" : `${place.opens}–${place.closes % 24 || 24} h`;
    const state = element("span", { class: "hours-state" });
    const item = element(
      "li",
      { class: "hours" },
      placeIcon(place.name),
      element("span", {}, title(place.name)),
      element("span", { class: "muted numbers" }, hours),
      state,
    );
    return { item, state, place };
  }

  draw(episode, index) {
    const hour = episode.value("hour", index) ?? 0;
    const [x, y] = [episode.value("x", index), episode.value("y", index)];
    if (x === undefined) return;
    if (this.town.temporal) {
      this.hand.setAttribute("transform", `rotate(${hour * 15} 50 50)`);
      setText(this.hour, `${String(hour).padStart(2, "0")}:00`);
      this.dial.setAttribute("aria-label", `The hour is ${hour} of 24`);
      for (const row of this.rows) {
        const open = isOpen(row.place, hour);
        setText(row.state, open ? "open" : "closed");
        row.item.classList.toggle("closed", !open);
      }
    }
    this.#drawRing(placeAt(this.town, x, y), episode.value("progress", index) ?? 0);
  }

  #drawRing(place, progress) {
    const share = place ? Math.min(1, progress / place.ticks) : 0;
    this.arc.setAttribute("stroke-dashoffset", RING * (1 - share));
    const where = place ? `At ${title(place.name)}` : "On the way";
    const ticks = place && progress > 0 ? `, ${Math.round(progress)} of ${place.ticks} ticks` : "";
    setText(this.doing, where + ticks);
  }
}
