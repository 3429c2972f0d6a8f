// What the network reads and what its answer means, as hamlet.envs.connect_four has it.

import { COLUMNS, ROWS } from "./rules.js";

const CELLS = ROWS * COLUMNS;
export const PLANE_NUMBERS = 3 * CELLS;
export const CENTRE_FIRST = [3, 2, 4, 1, 5, 0, 6];

/** Writes the planes of a game's position: own stones, other stones, 1 where Red is to move. */
export function writePlanes(game, numbers, offset = 0) {
  const mine = game.player;
  game.board.forEach((row, r) =>
    row.forEach((stone, c) => {
      const cell = offset + r * COLUMNS + c;
      numbers[cell] = stone === mine ? 1 : 0;
      numbers[cell + CELLS] = stone !== 0 && stone !== mine ? 1 : 0;
      numbers[cell + 2 * CELLS] = mine === 1 ? 1 : 0;
    }),
  );
}

/** Softmax over legal columns alone; exactly 0 elsewhere. */
export function policyOverLegal(logits, game) {
  const legal = game.legalColumns;
  const highest = Math.max(...legal.map((column) => logits[column]));
  const policy = new Array(COLUMNS).fill(0);
  for (const column of legal) policy[column] = Math.exp(logits[column] - highest);
  const total = policy.reduce((sum, odds) => sum + odds, 0);
  return policy.map((odds) => odds / total);
}

/** The legal column with the highest number; of equals the one nearest the centre. */
export function bestColumn(numbers, game) {
  return CENTRE_FIRST.filter((column) => game.legal(column)).reduce((best, column) =>
    numbers[column] > numbers[best] ? column : best,
  );
}
