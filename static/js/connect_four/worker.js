// Runs a network in a worker: loads it once by the hash of its file, then thinks with it.

import { PLANE_NUMBERS, bestColumn, policyOverLegal, writePlanes } from "./planes.js";
import { COLUMNS, Game } from "./rules.js";
import { search } from "./search.js";

const CACHE = "hamlet-models";
const SAY_EVERY_MS = 150;

export function listen(scope, ort) {
  // Threads would need a page cut off from others; a small network is fast without.
  ort.env.wasm.numThreads = 1;
  const sessions = new Map();
  let newest = 0;

  async function session(choice) {
    if (!sessions.has(choice.sha256)) {
      const bytes = await fetchModel(choice);
      sessions.set(choice.sha256, await ort.InferenceSession.create(bytes));
    }
    return sessions.get(choice.sha256);
  }

  async function evaluate(model, games) {
    const numbers = new Float32Array(games.length * PLANE_NUMBERS);
    games.forEach((game, index) => writePlanes(game, numbers, index * PLANE_NUMBERS));
    const input = new ort.Tensor("float32", numbers, [games.length, 3, 6, COLUMNS]);
    const { policy, value } = await model.run({ input });
    return games.map((_, index) => ({
      logits: Array.from(policy.data.slice(index * COLUMNS, (index + 1) * COLUMNS)),
      value: value.data[index],
    }));
  }

  async function think({ id, choice, moves, search: wanted }) {
    const model = await session(choice);
    const began = performance.now();
    let saidAt = began;
    const asked = (games) => evaluate(model, games);
    const heed = (soFar) => {
      if (performance.now() - saidAt > SAY_EVERY_MS) {
        saidAt = performance.now();
        scope.postMessage({ type: "thinking", id, ...soFar });
      }
      return id !== newest || performance.now() - began > wanted.time_limit_ms;
    };
    const answer = wanted
      ? await search(moves, { simulations: wanted.simulations, evaluate: asked, heed })
      : await raw(asked, moves);
    scope.postMessage({ type: "thought", id, ...answer, ms: performance.now() - began });
  }

  async function raw(asked, moves) {
    const game = new Game(moves);
    const [{ logits, value }] = await asked([game]);
    const policy = policyOverLegal(logits, game);
    return { move: bestColumn(policy, game), policy, value, network_policy: policy };
  }

  scope.onmessage = async ({ data }) => {
    newest = data.id;
    if (data.type === "stop") return;
    try {
      await think(data);
    } catch (error) {
      scope.postMessage({ type: "error", id: data.id, text: error.message });
    }
  };
}

/** The bytes of a model, from this browser's own store where it has them, checked by their hash. */
async function fetchModel({ url, sha256 }) {
  const key = `/models/by-sha256/${sha256}`;
  const store = await globalThis.caches?.open(CACHE);
  let answer = await store?.match(key);
  if (!answer) {
    answer = await fetch(url).catch(() => {
      throw new Error("The model could not be loaded, since the server cannot be reached. Ask again.");
    });
    if (!answer.ok) throw new Error(`The model could not be loaded: the server answered ${answer.status}.`);
    await store?.put(key, answer.clone());
  }
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const found = await crypto.subtle?.digest("SHA-256", bytes);
  if (found && hex(found) !== sha256) {
    await store?.delete(key);
    throw new Error("The model arrived damaged. Ask again.");
  }
  return bytes;
}

function hex(buffer) {
  return [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
