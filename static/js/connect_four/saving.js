// Keeps a finished game and asks the solver to judge it.

import { NAMES } from "./rules.js";

const PERSON = null;

/**
 * The record of a game as the API takes it.
 *
 * movers: by ply, who moved: null for a person, else the name of an opponent, "" where nobody knows
 * since the moves came with the address. seats: {1, 2: null for a person, else an opponent's name}.
 */
export function recordOf(game, { movers, seats, metadata, consent, classroom }) {
  const record = {
    players: { red: player(seats[1]), yellow: player(seats[2]) },
    moves: game.moves.map((position) => ({ position })),
    result: { winner: NAMES[game.winner] ?? "Draw", reason: "normal" },
    metadata: { ...metadata, ...notes(movers, seats) },
    consent,
  };
  return consent && classroom ? { ...record, classroom } : record;
}

function player(name) {
  return name === PERSON ? { type: "human" } : { type: "ai", version: name };
}

/** Moves that somebody else made than the one who sits there, so that nobody is credited with them. */
function notes(movers, seats) {
  const found = {};
  for (const seat of [1, 2]) {
    const others = {};
    movers.forEach((mover, ply) => {
      if ((ply % 2) + 1 !== seat || mover === seats[seat]) return;
      const words = mover === PERSON ? "by a person" : mover ? `by ${mover}` : "given by the address";
      others[words] = (others[words] ?? 0) + 1;
    });
    const words = Object.entries(others).map(([name, count]) => `${count} ${name}`);
    if (words.length) found[`moves of ${NAMES[seat]}`] = words.join(", ").slice(0, 1000);
  }
  return found;
}

/** Returns: the id of the game. key: of this game, so that a second try does not keep it twice. */
export async function saveGame(url, record, key) {
  const game = await send(url, record, { "Idempotency-Key": key });
  try {
    await send(game.analysis_url, null, {});
  } catch {
    // Its page has a button that asks again, and says what is wrong.
  }
  return game.game_id;
}

async function send(url, body, headers) {
  let answer;
  try {
    answer = await fetch(url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content,
        ...headers,
      },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Error("the server cannot be reached. Your game stays here: try again.");
  }
  const found = await answer.json().catch(() => ({}));
  if (answer.ok) return found;
  if (answer.status === 401 || answer.status === 403) {
    throw new Error(found.detail ?? "you are signed out. Sign in in another tab, then try again.");
  }
  throw new Error(found.errors?.[0]?.detail ?? found.detail ?? `the server answered ${answer.status}. Try again.`);
}

export function newKey() {
  const numbers = crypto.getRandomValues(new Uint32Array(4));
  return [...numbers].map((number) => number.toString(16).padStart(8, "0")).join("");
}
