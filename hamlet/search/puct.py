"""Which edge to try next: PUCT, with first-play urgency and virtual loss.

Source: D. Silver et al. 2017, "Mastering the game of Go without human knowledge", methods; the
sum of visits under the root counts the node itself, so that the first choice follows the prior.
"""

from __future__ import annotations

import math

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import CENTRE_FIRST, COLUMNS


@compiled
def node_value(tree, t, node):
    """Mean of the evaluation of a node and of all that was found below it."""
    total, visits = 0.0 + tree.value[t, node], 1  # a float64 from here on
    for e in range(COLUMNS):
        total += tree.total[t, node, e]
        visits += tree.visits[t, node, e]
    return total / visits


@compiled
def puct_edge(tree, rule, t, node):
    """The legal edge with the highest bound; of equal ones the nearest to the centre."""
    tried, total = 0, 0.0
    for e in range(COLUMNS):
        # A simulation that waits counts as lost, so that the next one looks elsewhere.
        tried += tree.visits[t, node, e] + tree.pending[t, node, e]
        total += tree.total[t, node, e] - tree.pending[t, node, e]
    first_play = (tree.value[t, node] + total) / (1 + tried) - rule.fpu_reduction
    weight = rule.c_puct * math.sqrt(1.0 + tried)
    best, chosen = -math.inf, -1
    for place in range(COLUMNS):
        e = CENTRE_FIRST[place]
        if not tree.legal[t, node, e]:
            continue
        count = tree.visits[t, node, e] + tree.pending[t, node, e]
        mean = first_play
        if count:
            mean = (tree.total[t, node, e] - tree.pending[t, node, e]) / count
        bound = mean + weight * tree.prior[t, node, e] / (1 + count)
        if bound > best:
            best, chosen = bound, e
    return chosen
