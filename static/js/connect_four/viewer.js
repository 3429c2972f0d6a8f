// Connect Four's part of a run page. See live/run.js for what it is asked to do.
//
// Step i of an episode is ply i: what was thought before it, and the board after it.

import { Chart } from "../live/chart.js";
import { element, setText } from "../live/elements.js";
import { count, fixed, percent, short } from "../live/words.js";
import { Board, ColumnBars } from "./board.js";
import { Game, NAMES } from "./rules.js";
import { ValueLine } from "./values.js";

const TALLIED = 200; // games, for the results so far
const STRENGTH = "mistakes_percent";
const RATING = "rating";

export function createViewer(root, page) {
  return new ConnectFourViewer(root, page);
}

class ConnectFourViewer {
  constructor(root, { seek }) {
    const find = (name) => root.querySelector(`[data-c4="${name}"]`);
    Object.assign(this, { find, seek });
    this.board = new Board(find("board"));
    this.bars = new ColumnBars(find("bars"));
    this.values = new ValueLine(find("values"), seek);
    this.results = [];
    this.strength = new Chart(find("strength"), {
      series: [{ label: "Moves that lose a win or a draw", colour: 0, width: 2.5 }],
      height: 180,
      xLabel: "Epoch",
      describe: () => this.strengthWords ?? "Not measured yet",
      yRange: (_, low, high) => [0, Math.max(10, high * 1.1)],
    });
    this.rating = new Chart(find("rating"), {
      series: [{ label: "Rating", colour: 1, width: 2.5 }],
      height: 180,
      xLabel: "Epoch",
      describe: () => this.ratingWords ?? "Not measured yet",
    });
  }

  start(episode) {
    this.find("waiting").hidden = true;
    this.find("stage").hidden = false;
    const { kind, red, yellow } = episode.start;
    setText(this.find("players"), `Red: ${red}. Yellow: ${yellow}.`);
    setText(this.find("kind"), { self_play: "Self-play", arena: "Arena", exhibition: "Exhibition" }[kind] ?? kind);
    this.find("moves").replaceChildren();
    this.shown = -1;
  }

  draw(episode, index) {
    if (index === this.shown && this.drawnMoves === episode) return;
    const columns = episode.columns.column.slice(0, index + 1);
    const game = new Game(columns);
    this.board.show(game);
    this.#showThoughts(episode, index);
    this.values.show(redValues(episode), index);
    this.#showMoves(episode, index);
    [this.shown, this.drawnMoves] = [index, episode];
  }

  /** Any episode has come to its end, shown or not. */
  ended(episode) {
    this.results.push({ winner: episode.end.winner, plies: episode.steps });
    this.results = this.results.slice(-TALLIED);
    this.#showResults();
  }

  totals(episode) {
    setText(this.find("reason"), episode.end.reason);
  }

  metrics(values, series) {
    const columns = series?.[STRENGTH];
    if (columns) {
      const newest = columns.value.at(-1);
      this.strengthWords = `Of the decisive positions the raw network spoils ${fixed(newest, 1)} %; it was ${fixed(columns.value[0], 1)} % at epoch ${columns.at[0]}.`;
      setText(this.find("strength-words"), this.strengthWords);
      this.strength.setData([columns.at, columns.value]);
    }
    const rated = series?.[RATING];
    if (rated) {
      const [first, newest] = [rated.value[0], rated.value.at(-1)].map((value) => fixed(value, 0));
      this.ratingWords = `${newest} points above random play; it was ${first} at epoch ${rated.at[0]}.`;
      setText(this.find("rating-words"), this.ratingWords);
      this.rating.setData([rated.at, rated.value]);
    }
    const rows = Object.entries(values)
      .filter(([name]) => name.startsWith("mistakes_") && name !== STRENGTH)
      .sort()
      .map(([name, value]) => [name.slice("mistakes_".length).replaceAll("_", " "), value]);
    this.find("sets").replaceChildren(
      ...rows.flatMap(([name, value]) => [
        element("dt", {}, name),
        element("dd", {}, `${fixed(value, 1)} %`),
      ]),
    );
  }

  summary(episode) {
    const what = episode.isReplay ? "Replay of game" : "Game";
    return `${what} ${count(episode.number)}: ${episode.end?.reason ?? "going on"}, ${episode.steps} plies.`;
  }

  #showThoughts(episode, index) {
    const visits = episode.value("visits", index) ?? [];
    const policy = episode.value("policy", index) ?? [];
    const total = visits.reduce((sum, some) => sum + some, 0);
    const shares = total ? visits.map((some) => some / total) : policy;
    const played = episode.value("column", index);
    this.bars.show(shares, played);
    const mover = NAMES[(index % 2) + 1];
    const value = episode.value("value", index);
    const source = total ? `${count(total)} simulations` : "the network alone";
    const expects = value === null || value === undefined ? "" : ` and expects ${signed(value)}`;
    setText(this.find("thought"), `${mover} plays column ${played + 1}, after ${source}${expects}.`);
    this.find("thoughts").replaceChildren(
      ...Array.from({ length: 7 }, (_, column) =>
        element(
          "tr",
          { class: column === played ? "played" : null },
          element("th", { scope: "row" }, `${column + 1}${column === played ? " ★" : ""}`),
          element("td", { class: "number" }, policy.length ? percent(policy[column]) : "–"),
          element("td", { class: "number" }, total ? count(visits[column]) : "–"),
        ),
      ),
    );
  }

  #showMoves(episode, index) {
    const list = this.find("moves");
    if (list.children.length !== episode.steps) {
      list.replaceChildren(
        ...Array.from({ length: episode.steps }, (_, ply) => {
          const button = element("button", { type: "button", class: "quiet small" });
          button.addEventListener("click", () => this.seek(ply));
          return element("li", { class: ply % 2 ? "yellow" : "red" }, button);
        }),
      );
    }
    [...list.children].forEach((item, ply) => {
      const column = episode.value("column", ply);
      const button = item.firstChild;
      setText(button, column === undefined ? "…" : String(column + 1));
      button.setAttribute("aria-label", `Ply ${ply + 1}: ${NAMES[(ply % 2) + 1]} in column ${(column ?? 0) + 1}`);
      if (ply === index) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    });
  }

  #showResults() {
    const total = this.results.length;
    const share = (winner) => this.results.filter((game) => game.winner === winner).length / total;
    const plies = this.results.reduce((sum, game) => sum + game.plies, 0) / total;
    const facts = [
      ["Red wins", percent(share(1))],
      ["Draws", percent(share(0))],
      ["Yellow wins", percent(share(2))],
      ["Mean length", `${short(plies)} plies`],
      ["Games seen here", count(total)],
    ];
    this.find("results").replaceChildren(
      ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
    );
  }
}

/** What Red could expect at each ply; null where nobody said. */
function redValues(episode) {
  return Array.from({ length: episode.steps }, (_, ply) => {
    const value = episode.value("value", ply);
    if (value === null || value === undefined) return null;
    return ply % 2 ? -value : value;
  });
}

function signed(value) {
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
}
