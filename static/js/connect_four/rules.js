// The rules, for drawing and for playing. Columns and rows count from 0, row 0 is the top one;
// 1 is Red, who moves first, and 2 is Yellow.

export const ROWS = 6;
export const COLUMNS = 7;
export const NAMES = { 1: "Red", 2: "Yellow" };
const DIRECTIONS = [
  [0, 1],
  [1, 0],
  [1, 1],
  [1, -1],
];

/** A game as the columns that were played. */
export class Game {
  constructor(moves = []) {
    this.moves = [];
    this.board = Array.from({ length: ROWS }, () => new Array(COLUMNS).fill(0));
    this.line = []; // cells [row, column] of the stones that won
    this.winner = 0;
    for (const column of moves) if (!this.play(column)) break;
  }

  get player() {
    return this.moves.length % 2 === 0 ? 1 : 2;
  }

  get ended() {
    return this.winner !== 0 || this.moves.length === ROWS * COLUMNS;
  }

  legal(column) {
    return !this.ended && column >= 0 && column < COLUMNS && this.board[0][column] === 0;
  }

  get legalColumns() {
    return Array.from({ length: COLUMNS }, (_, column) => column).filter((c) => this.legal(c));
  }

  /** The row in which a stone comes to rest; -1 in a full column. */
  landing(column) {
    return this.board.findLastIndex((row) => row[column] === 0);
  }

  /** Returns: whether it was legal; an illegal move changes nothing. */
  play(column) {
    if (!this.legal(column)) return false;
    const row = this.landing(column);
    this.board[row][column] = this.player;
    this.line = fourThrough(this.board, row, column);
    if (this.line.length) this.winner = this.player;
    this.moves.push(column);
    return true;
  }

  /** The cell of the newest stone; null on the empty board. */
  get last() {
    if (!this.moves.length) return null;
    const column = this.moves.at(-1);
    return [this.board.findIndex((row) => row[column] !== 0), column];
  }
}

/** Cells of every four or more in a line through a stone. */
export function fourThrough(board, row, column) {
  const mine = board[row][column];
  const cells = [];
  for (const [down, right] of DIRECTIONS) {
    const line = [[row, column]];
    for (const sign of [1, -1]) {
      let [r, c] = [row + sign * down, column + sign * right];
      while (board[r]?.[c] === mine) {
        line.push([r, c]);
        [r, c] = [r + sign * down, c + sign * right];
      }
    }
    if (line.length >= 4) cells.push(...line);
  }
  return cells;
}
