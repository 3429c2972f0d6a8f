"""Search trees of many games in preallocated arrays, and what is done to them, compiled.

T trees of N nodes; A = 7 edges leave each node, one per column. Node 0 of a tree is its root, and
every node stands after its parent. Values and results are seen by the side to move at the node;
what an edge collected is seen by the side that plays it, so that it is negated once per ply.

Nothing in here knows the rules. What state belongs to a node, and where it comes from, is known to
the dynamics (`rules_dynamics`, `latent_dynamics`): the same trees serve real and learned games.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import COLUMNS
from hamlet.search.gumbel import gumbel_edge, gumbel_root_edge
from hamlet.search.puct import puct_edge
from hamlet.search.settings import SearchSettings

NONE = -1
BROKEN = -2  # an evaluation that is not finite
FINISHED = -1  # a tree that is not searched


class Tree(NamedTuple):
    """The arrays.

    Attributes:
        prior: float32 [T, N, A], 0 on illegal columns. legal: bool [T, N, A].
        visits, pending: int32 [T, N, A], finished simulations through an edge, and those that
            wait for an evaluation.
        total: float64 [T, N, A], sum of what those visits returned.
        reward: float32 [T, N, A], of playing the edge; 0 with real rules.
        child: int32 [T, N, A], NONE where nothing has been tried.
        value: float32 [T, N], of the evaluator, or exact where the game is over.
        evaluated, ended: bool [T, N]. parent, edge: int32 [T, N], how a node was reached.
        used: int32 [T], nodes.
        root_prior: float32 [T, A], without noise.
        before: int32 [T, A], visits of the root when this search began.
        scores: float64 [T, A], Gumbel number + logit of the root's edges.
        wanted: int32 [T, S], how often the edge chosen by the s-th simulation has been chosen.
    """

    prior: np.ndarray
    legal: np.ndarray
    visits: np.ndarray
    pending: np.ndarray
    total: np.ndarray
    reward: np.ndarray
    child: np.ndarray
    value: np.ndarray
    evaluated: np.ndarray
    ended: np.ndarray
    parent: np.ndarray
    edge: np.ndarray
    used: np.ndarray
    root_prior: np.ndarray
    before: np.ndarray
    scores: np.ndarray
    wanted: np.ndarray


# Arrays with one entry per node: they are saved and moved by nodes.
PER_NODE = (
    *("prior", "legal", "visits", "pending", "total", "reward", "child"),
    *("value", "evaluated", "ended", "parent", "edge"),
)


class Rule(NamedTuple):
    """How edges are chosen: the numbers of SearchSettings that compiled code needs."""

    gumbel: bool
    c_puct: float
    fpu_reduction: float
    gumbel_visits: float
    gumbel_scale: float
    leaves: int


class Wave(NamedTuple):
    """The leaves that wait for one evaluation: int32 [T * leaves_per_wave] each."""

    tree: np.ndarray
    node: np.ndarray


def rule_of(settings: SearchSettings) -> Rule:
    return Rule(
        settings.root == "gumbel",
        float(settings.c_puct),
        float(settings.fpu_reduction),
        float(settings.gumbel_visits),
        float(settings.gumbel_scale),
        int(settings.leaves_per_wave),
    )


def empty_tree(trees: int, settings: SearchSettings) -> Tree:
    """Arrays for so many trees. A search adds at most one node per simulation to the root."""
    nodes = (trees, settings.simulations + 1)
    edges = (*nodes, COLUMNS)
    planned = settings.simulations if settings.root == "gumbel" else 1
    return Tree(
        prior=np.zeros(edges, np.float32),
        legal=np.zeros(edges, np.bool_),
        visits=np.zeros(edges, np.int32),
        pending=np.zeros(edges, np.int32),
        total=np.zeros(edges, np.float64),
        reward=np.zeros(edges, np.float32),
        child=np.full(edges, NONE, np.int32),
        value=np.zeros(nodes, np.float32),
        evaluated=np.zeros(nodes, np.bool_),
        ended=np.zeros(nodes, np.bool_),
        parent=np.full(nodes, NONE, np.int32),
        edge=np.full(nodes, NONE, np.int32),
        used=np.zeros(trees, np.int32),
        root_prior=np.zeros((trees, COLUMNS), np.float32),
        before=np.zeros((trees, COLUMNS), np.int32),
        scores=np.zeros((trees, COLUMNS), np.float64),
        wanted=np.zeros((trees, planned), np.int32),
    )


def empty_wave(trees: int, settings: SearchSettings) -> Wave:
    size = trees * settings.leaves_per_wave
    return Wave(np.zeros(size, np.int32), np.zeros(size, np.int32))


@compiled
def add_node(tree, t, parent, edge):
    """Returns: the new node, not evaluated and without legal edges yet."""
    node = tree.used[t]
    tree.used[t] += 1
    tree.parent[t, node] = parent
    tree.edge[t, node] = edge
    tree.value[t, node] = 0.0
    tree.evaluated[t, node] = False
    tree.ended[t, node] = False
    for e in range(COLUMNS):
        tree.prior[t, node, e] = 0.0
        tree.legal[t, node, e] = False
        tree.visits[t, node, e] = 0
        tree.pending[t, node, e] = 0
        tree.total[t, node, e] = 0.0
        tree.reward[t, node, e] = 0.0
        tree.child[t, node, e] = NONE
    if parent != NONE:
        tree.child[t, parent, edge] = node
    return node


@compiled
def descend(tree, rule, t, simulation):
    """Follow the chosen edges from the root.

    Args: simulation: how many this search has begun in the tree; Gumbel's plan goes by it.
    Returns: (node, edge): an edge that has no node yet; or edge NONE where the node has ended or
        still waits for its evaluation.
    """
    node = 0
    while True:
        if tree.ended[t, node] or not tree.evaluated[t, node]:
            return node, NONE
        if not rule.gumbel:
            edge = puct_edge(tree, rule, t, node)
        elif node == 0:
            edge = gumbel_root_edge(tree, rule, t, simulation)
        else:
            edge = gumbel_edge(tree, rule, t, node)
        if tree.child[t, node, edge] == NONE:
            return node, edge
        node = tree.child[t, node, edge]


@compiled
def mark(tree, t, node, change):
    """Count a simulation that waits at `node` on every edge above it; -1 takes it back."""
    while node != 0:
        parent, edge = tree.parent[t, node], tree.edge[t, node]
        tree.pending[t, parent, edge] += change
        node = parent


@compiled
def back_up(tree, t, node):
    """Carry the value of a node to the root: negated at each ply, with the rewards on the way."""
    result = np.float64(tree.value[t, node])
    while node != 0:
        parent, edge = tree.parent[t, node], tree.edge[t, node]
        # No game is worth more than a win, whatever a learned model adds up.
        result = max(-1.0, min(1.0, tree.reward[t, parent, edge] - result))
        tree.visits[t, parent, edge] += 1
        tree.total[t, parent, edge] += result
        node = parent


@compiled
def write_evaluation(tree, t, node, logits, value):
    """Softmax over the legal edges, and the value. Returns: False for numbers not finite."""
    highest = -np.inf
    for e in range(COLUMNS):
        if tree.legal[t, node, e]:
            highest = max(highest, logits[e])
            if not np.isfinite(logits[e]):
                return False
    if not np.isfinite(value):
        return False
    total = 0.0
    for e in range(COLUMNS):
        if tree.legal[t, node, e]:
            total += np.exp(np.float64(logits[e]) - highest)
    for e in range(COLUMNS):
        tree.prior[t, node, e] = 0.0
        if tree.legal[t, node, e]:
            tree.prior[t, node, e] = np.exp(np.float64(logits[e]) - highest) / total
    tree.value[t, node] = value
    tree.evaluated[t, node] = True
    return True


@compiled
def expand(tree, rule, wave, count, logits, values, left):
    """Write the evaluations of a wave and carry them up.

    Returns: NONE, or the first leaf whose evaluation is not finite.
    """
    for i in range(count):
        t, node = wave.tree[i], wave.node[i]
        if not write_evaluation(tree, t, node, logits[i], values[i]):
            return i
        if rule.leaves > 1:
            mark(tree, t, node, -1)
        back_up(tree, t, node)
        left[t] -= 1
    return NONE


@compiled
def keep_subtree(tree, t, column, moved):
    """Make the child of the root by `column` the root, and forget all that is not below it.

    Args: moved: int32 [N], filled with the old number of each node that is kept.
    Returns: nodes that are kept; 0 where there is no such evaluated child.
    """
    top = tree.child[t, 0, column]
    if top == NONE or not tree.evaluated[t, top]:
        return 0
    kept = 0
    # New numbers; a parent stands before its children, and nobody moves backwards.
    new = np.full(tree.used[t], NONE, np.int32)
    for old in range(top, tree.used[t]):
        above = tree.parent[t, old]
        if old != top and new[above] == NONE:
            continue
        new[old] = kept
        moved[kept] = old
        if kept != old:
            _copy_node(tree, t, old, kept)
        tree.parent[t, kept] = NONE if old == top else new[above]
        if old == top:
            tree.edge[t, kept] = NONE
        kept += 1
    for node in range(kept):
        for e in range(COLUMNS):
            if tree.child[t, node, e] != NONE:
                tree.child[t, node, e] = new[tree.child[t, node, e]]
    tree.used[t] = kept
    return kept


@compiled
def _copy_node(tree, t, source, target):
    for e in range(COLUMNS):
        tree.prior[t, target, e] = tree.prior[t, source, e]
        tree.legal[t, target, e] = tree.legal[t, source, e]
        tree.visits[t, target, e] = tree.visits[t, source, e]
        tree.pending[t, target, e] = tree.pending[t, source, e]
        tree.total[t, target, e] = tree.total[t, source, e]
        tree.reward[t, target, e] = tree.reward[t, source, e]
        tree.child[t, target, e] = tree.child[t, source, e]
    tree.value[t, target] = tree.value[t, source]
    tree.evaluated[t, target] = tree.evaluated[t, source]
    tree.ended[t, target] = tree.ended[t, source]
    tree.parent[t, target] = tree.parent[t, source]
    tree.edge[t, target] = tree.edge[t, source]
