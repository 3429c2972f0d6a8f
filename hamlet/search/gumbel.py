"""Choosing by Gumbel numbers, sequential halving and completed Q values.

With few simulations PUCT may not even try each column, and its visits are then no better policy
than the prior. Here the root draws columns without replacement, halves them by what was found, and
the policy learned from is the prior improved by all values found, so that it is never worse.

Source: I. Danihelka, A. Guez, J. Schrittwieser and D. Silver 2022, "Policy improvement by planning
with Gumbel", https://openreview.net/forum?id=bERaNdoegnO, sections 3 to 5; `mixed_value` is its
appendix D.
"""

from __future__ import annotations

import math

import numpy as np

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import CENTRE_FIRST, COLUMNS

LEAST_PRIOR = 1e-30  # its logarithm is finite


@compiled
def plan(actions, simulations, wanted):
    """Sequential halving as a list: simulation s goes to a column chosen wanted[s] times so far.

    Args: actions: columns to begin with, at least 1. wanted: int32 [>= simulations], filled.
    """
    phases = max(1, math.ceil(math.log2(actions)))
    considered, done, s = actions, 0, 0
    while s < simulations:
        rounds = max(1, simulations // (phases * considered))
        for visit in range(done, done + rounds):
            for _ in range(considered):
                if s == simulations:
                    return
                wanted[s] = visit
                s += 1
        done += rounds
        # Two are left to the end: what remains of the simulations goes to both.
        considered = max(min(2, actions), considered // 2)


@compiled
def mixed_value(tree, t, node):
    """What a column never tried is taken to be worth: the values found, weighted by the prior,
    mixed with the network's own value."""
    visits, weight, found = 0, 0.0, 0.0
    for e in range(COLUMNS):
        if tree.visits[t, node, e]:
            visits += tree.visits[t, node, e]
            prior = max(LEAST_PRIOR, tree.prior[t, node, e])
            weight += prior
            found += prior * tree.total[t, node, e] / tree.visits[t, node, e]
    if visits == 0:
        return 0.0 + tree.value[t, node]
    return (tree.value[t, node] + visits * found / weight) / (1 + visits)


@compiled
def improvements(tree, rule, t, node, out):
    """sigma(completed Q) of every edge into out [A]: what is added to the logits."""
    most = 0
    for e in range(COLUMNS):
        most = max(most, tree.visits[t, node, e])
    untried = mixed_value(tree, t, node)
    for e in range(COLUMNS):
        value = untried
        if tree.visits[t, node, e]:
            value = tree.total[t, node, e] / tree.visits[t, node, e]
        out[e] = (rule.gumbel_visits + most) * rule.gumbel_scale * (value + 1.0) / 2.0


@compiled
def improved_policy(tree, rule, t, node, prior, out):
    """softmax(logits + sigma(completed Q)) over the legal edges into out [A].

    Args: prior: [A] that the logits are taken from: of the root, the one without noise.
    """
    improvements(tree, rule, t, node, out)
    highest, total = -math.inf, 0.0
    for e in range(COLUMNS):
        if tree.legal[t, node, e]:
            out[e] += math.log(max(LEAST_PRIOR, prior[e]))
            highest = max(highest, out[e])
    for e in range(COLUMNS):
        out[e] = math.exp(out[e] - highest) if tree.legal[t, node, e] else 0.0
        total += out[e]
    for e in range(COLUMNS):
        out[e] /= total


@compiled
def gumbel_edge(tree, rule, t, node):
    """Below the root, without chance: the edge whose share of visits is furthest behind the
    improved policy."""
    policy = np.empty(COLUMNS, np.float64)
    improved_policy(tree, rule, t, node, tree.prior[t, node], policy)
    tried = 0
    for e in range(COLUMNS):
        tried += tree.visits[t, node, e] + tree.pending[t, node, e]
    best, chosen = -math.inf, -1
    for place in range(COLUMNS):
        e = CENTRE_FIRST[place]
        count = tree.visits[t, node, e] + tree.pending[t, node, e]
        behind = policy[e] - count / (1 + tried)
        if tree.legal[t, node, e] and behind > best:
            best, chosen = behind, e
    return chosen


@compiled
def gumbel_root_edge(tree, rule, t, simulation):
    """The best column among those that the plan gives their turn now."""
    return best_scored(tree, rule, t, tree.wanted[t, simulation])


@compiled
def best_scored(tree, rule, t, visits):
    """The column of the root with the highest Gumbel number + logit + sigma(Q) among those that
    this search has visited so often."""
    added = np.empty(COLUMNS, np.float64)
    improvements(tree, rule, t, 0, added)
    best, chosen = -math.inf, -1
    for place in range(COLUMNS):
        e = CENTRE_FIRST[place]
        count = tree.visits[t, 0, e] + tree.pending[t, 0, e] - tree.before[t, e]
        score = tree.scores[t, e] + added[e]
        if tree.legal[t, 0, e] and count == visits and score > best:
            best, chosen = score, e
    return chosen


@compiled
def most_visited_best(tree, rule, t):
    """The column to play: of those visited most in this search, the one that scores best."""
    most = 0
    for e in range(COLUMNS):
        most = max(most, tree.visits[t, 0, e] - tree.before[t, e])
    return best_scored(tree, rule, t, most)
