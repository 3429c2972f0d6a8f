// A small tree search for the browser: PUCT, several leaves for each run of the network.
//
// Source: Silver et al. 2018, https://doi.org/10.1126/science.aar6404; the server's own search is
// hamlet.search. Values are always those of the side to move.

import { CENTRE_FIRST, bestColumn, policyOverLegal } from "./planes.js";
import { COLUMNS, Game } from "./rules.js";

const C_PUCT = 2.0;
const FIRST_PLAY_REDUCTION = 0.2;
const LEAVES = 8;

class Node {
  constructor(game) {
    this.terminal = game.ended ? (game.winner ? -1 : 0) : null; // the side to move has lost
    this.value = this.terminal ?? 0;
    this.prior = null;
    this.visits = new Array(COLUMNS).fill(0);
    this.total = new Array(COLUMNS).fill(0);
    this.children = new Array(COLUMNS).fill(null);
  }

  choose(legal) {
    const all = this.visits.reduce((sum, count) => sum + count, 0);
    let [best, highest] = [-1, -Infinity];
    for (const column of legal) {
      const count = this.visits[column];
      const worth = count ? this.total[column] / count : this.value - FIRST_PLAY_REDUCTION;
      const bonus = (C_PUCT * this.prior[column] * Math.sqrt(all)) / (1 + count);
      if (worth + bonus > highest) [best, highest] = [column, worth + bonus];
    }
    return best;
  }
}

/**
 * moves: columns played so far. evaluate: async (games) -> [{logits, value}] of the network.
 * heed: called with {visits, value, simulations} after each run; true ends the search.
 */
export async function search(moves, { simulations, evaluate, heed = () => false }) {
  const start = new Game(moves);
  const root = new Node(start);
  const [first] = await evaluate([start]);
  grow(root, start, first);
  let done = 0;
  while (done < simulations) {
    const wave = descend(root, moves, Math.min(LEAVES, simulations - done));
    done += wave.length;
    const leaves = wave.filter((leaf) => leaf.node.terminal === null && !leaf.node.prior);
    const answers = leaves.length ? await evaluate(leaves.map((leaf) => leaf.game)) : [];
    leaves.forEach((leaf, index) => grow(leaf.node, leaf.game, answers[index]));
    for (const leaf of wave) backUp(leaf);
    if (heed(summary(root, done))) break;
  }
  return {
    ...summary(root, done),
    move: bestColumn(root.visits, start),
    network_value: root.value,
  };
}

function grow(node, game, { logits, value }) {
  node.prior = policyOverLegal(logits, game);
  node.value = value;
}

/** Walks down from the root, counting each edge as a loss until its value is known. */
function descend(root, moves, count) {
  const wave = [];
  const taken = new Set();
  for (let index = 0; index < count; index += 1) {
    const game = new Game(moves);
    let node = root;
    const path = [];
    while (node.terminal === null && node.prior) {
      const column = node.choose(game.legalColumns);
      game.play(column);
      node.visits[column] += 1;
      node.total[column] -= 1;
      path.push([node, column]);
      node.children[column] ??= new Node(game);
      node = node.children[column];
    }
    if (taken.has(node)) {
      // Two of a wave met at one new leaf: the second one waits for the next wave.
      for (const [parent, column] of path) {
        parent.visits[column] -= 1;
        parent.total[column] += 1;
      }
      break;
    }
    if (node.terminal === null) taken.add(node);
    wave.push({ node, game, path });
  }
  return wave;
}

function backUp({ node, path }) {
  let value = node.value;
  for (const [parent, column] of path.reverse()) {
    value = -value;
    parent.total[column] += value + 1; // the loss that stood there while it was under way
  }
}

function summary(root, simulations) {
  const count = root.visits.reduce((sum, some) => sum + some, 0);
  const total = root.total.reduce((sum, some) => sum + some, 0);
  return {
    visits: [...root.visits],
    policy: root.visits.map((some) => (count ? some / count : 0)),
    value: (root.value + total) / (1 + count),
    simulations,
    network_policy: root.prior,
    line: lineFrom(root),
  };
}

/** The columns that were visited most, as far as they were visited at all. */
function lineFrom(root) {
  const line = [];
  for (let node = root; node?.visits.some(Boolean); ) {
    const { visits } = node;
    const column = CENTRE_FIRST.reduce((best, other) => (visits[other] > visits[best] ? other : best));
    line.push(column);
    node = node.children[column];
  }
  return line;
}
