// Draws a board as SVG: stones told apart by colour and by mark, the newest one and a four ringed.

import { element, svg } from "../live/elements.js";
import { COLUMNS, NAMES, ROWS } from "./rules.js";

const CELL = 20;
const RADIUS = 8.2;

export class Board {
  /** box: the element to fill. */
  constructor(box) {
    this.stones = [];
    const width = COLUMNS * CELL;
    const height = ROWS * CELL;
    this.drawing = svg("svg", { class: "c4-board", viewBox: `0 0 ${width} ${height}`, role: "img" });
    this.drawing.append(svg("rect", { class: "c4-frame", width, height, rx: 6 }));
    for (let row = 0; row < ROWS; row += 1) {
      this.stones.push([]);
      for (let column = 0; column < COLUMNS; column += 1) this.#addCell(row, column);
    }
    box.append(this.drawing);
  }

  #addCell(row, column) {
    const [x, y] = [(column + 0.5) * CELL, (row + 0.5) * CELL];
    const group = svg("g", { class: "c4-cell", transform: `translate(${x} ${y})` });
    group.append(
      svg("circle", { class: "c4-stone", r: RADIUS }),
      svg("circle", { class: "c4-dot", r: 3 }), // Yellow's, for those who see no colours
      svg("circle", { class: "c4-ring", r: RADIUS - 1.2 }),
    );
    this.drawing.append(group);
    this.stones[row].push(group);
  }

  /** game: a Game. */
  show(game) {
    const line = new Set(game.line.map(String));
    const last = String(game.last);
    this.stones.forEach((cells, row) =>
      cells.forEach((cell, column) => {
        const at = String([row, column]);
        cell.dataset.player = String(game.board[row][column]);
        cell.dataset.mark = line.has(at) ? "four" : at === last ? "last" : "";
      }),
    );
    this.drawing.setAttribute("aria-label", describe(game));
  }
}

/** A position in words, column by column from the bottom up. */
export function describe(game) {
  const columns = Array.from({ length: COLUMNS }, (_, column) => {
    const stones = game.board.map((row) => row[column]).filter(Boolean).reverse();
    return `column ${column + 1} ${stones.map((player) => NAMES[player]).join(", ") || "empty"}`;
  });
  const state = game.winner
    ? `${NAMES[game.winner]} has four in a line`
    : game.ended
      ? "a draw"
      : `${NAMES[game.player]} to move`;
  return `${state}. From the bottom up: ${columns.join("; ")}.`;
}

/** Bars over the columns: how much of the search or of the policy each of them got. */
export class ColumnBars {
  constructor(box) {
    this.items = Array.from({ length: COLUMNS }, (_, column) => {
      const bar = element("i", { "aria-hidden": "true" });
      const share = element("span", { class: "numbers" });
      const mark = element("em", { "aria-hidden": "true", hidden: true });
      const network = element("small", { class: "numbers", hidden: true });
      const item = element("li", {}, bar, mark, share, network, element("b", {}, String(column + 1)));
      return { item, bar, share, mark, network };
    });
    box.classList.add("c4-bars");
    box.replaceChildren(...this.items.map(({ item }) => item));
  }

  /**
   * shares: [7] from 0 to 1, or empty where nothing is known. played: the column, or -1.
   * network: [7] what the network alone would give, drawn as a line; empty to leave it out.
   */
  show(shares, played = -1, network = []) {
    this.items.forEach(({ item, bar, share, mark, network: words }, column) => {
      const alone = network[column];
      mark.hidden = words.hidden = alone === undefined;
      mark.style.setProperty("--share", alone ?? 0);
      words.textContent = alone === undefined ? "" : `(${Math.round(100 * alone)} %)`;
      const value = shares[column];
      bar.style.height = `${100 * (value ?? 0)}%`;
      share.textContent = value === undefined ? "" : `${Math.round(100 * value)} %`;
      item.classList.toggle("played", column === played);
    });
  }
}
