// What the play page says of a game and of what an opponent thought.

import { count, milliseconds } from "../live/words.js";
import { NAMES } from "./rules.js";

/** you: 1 or 2, or 0 where both are people. */
export function turnWords(game, you, thinking) {
  const last = NAMES[game.player === 1 ? 2 : 1];
  const played = game.moves.length ? `${last} played column ${game.moves.at(-1) + 1}. ` : "";
  return played + stateWords(game, you, thinking);
}

function stateWords(game, you, thinking) {
  if (game.winner) {
    const whose = you ? (game.winner === you ? " You won." : " You lost.") : "";
    return `${NAMES[game.winner]} has four in a line.${whose}`;
  }
  if (game.ended) return "The board is full: a draw.";
  const mover = NAMES[game.player];
  if (thinking) return `${mover} is thinking…`;
  if (you && game.player !== you) return `${mover} has not answered.`;
  return you ? `Your turn: ${mover}.` : `${mover} to move.`;
}

/** What is wrong with moves of which a game could take the first ones alone; "" if it took all. */
export function cutWords(given, game) {
  const { length } = game.moves;
  if (length === given.length) return "";
  return `The address held ${given.length} moves; number ${length + 1} cannot be played, so it and what follows were left out.`;
}

/** Names and values. thought: the newest one, if there is any. */
export function factsOf(thought, overlay) {
  if (!thought) return [];
  const { title, ms, simulations, value, line } = thought;
  const facts = [];
  if (title) facts.push(["Version", title]);
  if (ms !== undefined) facts.push(["Time", milliseconds(ms)]);
  if (simulations) facts.push(["Simulations", count(simulations)]);
  if (Number.isFinite(value)) facts.push(["It expects", expectation(value)]);
  if (overlay && line?.length) {
    facts.push(["Expected line", line.map((column) => column + 1).join(" ")]);
  }
  return facts;
}

/** value: from -1, a sure loss, to 1, a sure win. */
function expectation(value) {
  const words = value > 0.05 ? "rather to win" : value < -0.05 ? "rather to lose" : "about a draw";
  return `${value.toFixed(2).replace("-", "−")} (${words})`;
}
