// How often each place was used in this episode, and what followed what.

import { element, svg } from "../live/elements.js";
import { countOf, title } from "../live/words.js";
import { placeIcon, placeOf } from "./icons.js";

const CENTRE = 150;
const RADIUS = 112;

export class AffordancePanel {
  constructor({ list, graph, transitions }) {
    Object.assign(this, { list, graph, transitions });
    graph.append(
      svg(
        "defs",
        {},
        svg(
          "marker",
          {
            id: "arrow",
            viewBox: "0 0 8 8",
            refX: 6,
            refY: 4,
            markerWidth: 10,
            markerHeight: 10,
            markerUnits: "userSpaceOnUse",
            orient: "auto",
          },
          svg("path", { d: "M0 0 8 4 0 8z", class: "graph-arrow" }),
        ),
      ),
    );
    this.drawing = svg("g");
    graph.append(this.drawing);
  }

  /** Shows the counts of a finished episode: visits {name: n}, transitions {"from>to": n}. */
  show(town, end) {
    this.town = town;
    const visits = new Map(Object.entries(end.visits ?? {}));
    const moves = readTransitions(end.transitions);
    this.#showList(visits);
    this.#showGraph(visits, moves);
    this.#showMoves(moves);
  }

  #showList(visits) {
    const rows = this.town.places.map((place) => ({
      name: place.name,
      uses: visits.get(place.name) ?? 0,
    }));
    rows.sort((one, other) => other.uses - one.uses);
    const most = Math.max(1, ...rows.map((row) => row.uses));
    this.list.replaceChildren(
      ...rows.map(({ name, uses }) => {
        const fill = element("span");
        fill.style.width = `${(uses / most) * 100}%`;
        const bar = element("div", { class: "meter", "aria-hidden": "true" }, fill);
        return element(
          "li",
          { class: uses ? "use" : "use none" },
          placeIcon(name),
          element("span", {}, title(name)),
          bar,
          element("span", { class: "numbers" }, String(uses)),
        );
      }),
    );
  }

  #showGraph(visits, moves) {
    const used = this.town.places
      .filter((place) => visits.get(place.name) > 0)
      .map((place) => place.name);
    const spots = new Map(used.map((name, number) => [name, spot(number, used.length)]));
    const most = Math.max(1, ...moves.map((move) => move.times));
    const arrows = moves
      .filter((move) => spots.has(move.from) && spots.has(move.to))
      .map((move) => arrow(spots.get(move.from), spots.get(move.to), move.times / most));
    const nodes = used.map((name) => node(name, spots.get(name)));
    this.drawing.replaceChildren(...arrows, ...nodes);
    this.graph.toggleAttribute("hidden", used.length < 2);
    this.graph.setAttribute(
      "aria-label",
      moves.length
        ? `Most often: ${moves.slice(0, 3).map(inWords).join("; ")}`
        : "No place followed another",
    );
  }

  #showMoves(moves) {
    this.transitions.replaceChildren(
      ...moves.slice(0, 12).map((move) => element("li", {}, inWords(move))),
    );
    if (!moves.length)
      this.transitions.append(
        element("li", { class: "muted" }, "No place followed another in this episode."),
      );
  }
}

/** {"Bed>Job": 3} -> [{from: "Bed", to: "Job", times: 3}], most frequent first. */
export function readTransitions(counts) {
  return Object.entries(counts ?? {})
    .map(([pair, times]) => ({ from: pair.split(">")[0], to: pair.split(">")[1], times }))
    .sort((one, other) => other.times - one.times);
}

function inWords({ from, to, times }) {
  return `${title(from)} → ${title(to)}, ${countOf(times, "time")}`;
}

function spot(number, total) {
  const angle = (2 * Math.PI * number) / total - Math.PI / 2;
  return { x: CENTRE + RADIUS * Math.cos(angle), y: CENTRE + RADIUS * Math.sin(angle) };
}

function node(name, { x, y }) {
  const place = placeOf(name);
  const drawing = svg("path", {
    d: place.path,
    transform: "translate(-9 -9) scale(0.75)",
    class: `graph-icon place-${place.group}`,
  });
  const label = svg("title");
  label.textContent = title(name);
  return svg(
    "g",
    { transform: `translate(${x} ${y})` },
    svg("circle", { r: 18, class: `graph-node place-${place.group}` }),
    drawing,
    label,
  );
}

function arrow(from, to, share) {
  const style = {
    class: "graph-line",
    "stroke-width": 1 + 4 * share,
    "stroke-opacity": 0.25 + 0.75 * share,
    "marker-end": "url(#arrow)",
  };
  // Bent towards the middle, so that there and back are two lines.
  const [mx, my] = [(from.x + to.x) / 2, (from.y + to.y) / 2];
  const [nx, ny] = [(to.y - from.y) * 0.14, (from.x - to.x) * 0.14];
  const control = { x: mx + nx, y: my + ny };
  const start = towards(from, control, 19);
  const stop = towards(to, control, 22);
  return svg("path", {
    ...style,
    d: `M${start.x} ${start.y} Q${control.x} ${control.y} ${stop.x} ${stop.y}`,
  });
}

function towards(from, to, distance) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  return {
    x: from.x + ((to.x - from.x) / length) * distance,
    y: from.y + ((to.y - from.y) / length) * distance,
  };
}
