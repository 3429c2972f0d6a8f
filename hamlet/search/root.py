"""What happens at the roots of trees before and after a search, compiled.

G rows: trees that are searched.
"""

from __future__ import annotations

import math

import numpy as np

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import CENTRE_FIRST, COLUMNS
from hamlet.search.gumbel import LEAST_PRIOR, improved_policy, most_visited_best, plan
from hamlet.search.puct import node_value
from hamlet.search.streams import gamma, gumbel, uniform
from hamlet.search.tree import NONE, write_evaluation

GREEDY_BELOW = 1e-3  # temperatures; visits to the power of 1000 would overflow


@compiled
def write_roots(tree, rows, logits, values):
    """Returns: NONE, or the first row whose evaluation is not finite."""
    for i in range(rows.shape[0]):
        if not write_evaluation(tree, rows[i], 0, logits[i], values[i]):
            return i
    return NONE


@compiled
def begin_search(
    tree, rule, rows, fresh, streams, left, budget, simulations, actions, explore, epsilon, alpha,
    heat,
):  # fmt: skip
    """Noise, plan and budget of each root.

    Args: fresh: bool [T], roots never searched yet. heat: float [T], scale of Gumbel numbers.
    """
    for i in range(rows.shape[0]):
        t = rows[i]
        visits, open_columns = 0, 0
        for e in range(COLUMNS):
            if fresh[t]:
                tree.root_prior[t, e] = tree.prior[t, 0, e]
            tree.prior[t, 0, e] = tree.root_prior[t, e]
            tree.before[t, e] = tree.visits[t, 0, e]
            visits += tree.visits[t, 0, e]
            open_columns += tree.legal[t, 0, e]
        fresh[t] = False
        budget[t] = max(0, simulations - visits)
        left[t] = budget[t]
        if rule.gumbel:
            _score(tree, t, streams, explore, heat[t])
            plan(min(actions, open_columns), budget[t], tree.wanted[t])
        elif explore and epsilon > 0.0:
            _add_noise(tree, t, streams, epsilon, alpha)


@compiled
def _score(tree, t, streams, explore, heat):
    for e in range(COLUMNS):
        tree.scores[t, e] = math.log(max(LEAST_PRIOR, tree.root_prior[t, e]))
        if explore:
            tree.scores[t, e] += heat * gumbel(streams, t)


@compiled
def _add_noise(tree, t, streams, epsilon, alpha):
    """Mix a draw of the Dirichlet distribution over the legal columns into the prior."""
    noise = np.zeros(COLUMNS, np.float64)
    total = 0.0
    for e in range(COLUMNS):
        if tree.legal[t, 0, e]:
            noise[e] = gamma(streams, t, alpha)
            total += noise[e]
    if total == 0.0:  # a tiny alpha may draw nothing but zeros
        return
    for e in range(COLUMNS):
        mixed = (1.0 - epsilon) * tree.prior[t, 0, e] + epsilon * noise[e] / total
        tree.prior[t, 0, e] = mixed


@compiled
def findings(tree, rule, rows, visits, policy, values, column_values):
    improved = np.empty(COLUMNS, np.float64)
    for i in range(rows.shape[0]):
        t = rows[i]
        total = 0
        for e in range(COLUMNS):
            visits[i, e] = tree.visits[t, 0, e]
            total += visits[i, e]
            if visits[i, e]:
                column_values[i, e] = tree.total[t, 0, e] / visits[i, e]
        values[i] = node_value(tree, t, 0)
        if rule.gumbel or total == 0:
            improved_policy(tree, rule, t, 0, tree.root_prior[t], improved)
            policy[i, :] = improved
        else:
            policy[i, :] = visits[i] / total


@compiled
def draw_columns(tree, rule, rows, heat, streams):
    """Args: heat: float [T], temperatures; 0 takes the best."""
    columns = np.empty(rows.shape[0], np.int64)
    for i in range(rows.shape[0]):
        t = rows[i]
        if rule.gumbel:
            columns[i] = most_visited_best(tree, rule, t)
        elif heat[t] < GREEDY_BELOW:
            columns[i] = _most_visited(tree, t)
        else:
            columns[i] = _drawn(tree, t, heat[t], streams)
    return columns


@compiled
def _most_visited(tree, t):
    """Ties go to the higher prior, then to the centre."""
    chosen = -1
    for place in range(COLUMNS):
        e = CENTRE_FIRST[place]
        if not tree.legal[t, 0, e]:
            continue
        if (
            chosen < 0
            or tree.visits[t, 0, e] > tree.visits[t, 0, chosen]
            or (
                tree.visits[t, 0, e] == tree.visits[t, 0, chosen]
                and tree.root_prior[t, e] > tree.root_prior[t, chosen]
            )
        ):
            chosen = e
    return chosen


@compiled
def _drawn(tree, t, temperature, streams):
    most = 0
    for e in range(COLUMNS):
        most = max(most, tree.visits[t, 0, e])
    if most == 0:
        return _most_visited(tree, t)
    total = 0.0
    for e in range(COLUMNS):
        total += (tree.visits[t, 0, e] / most) ** (1.0 / temperature)
    mark = uniform(streams, t) * total
    chosen = -1
    for e in range(COLUMNS):
        weight = (tree.visits[t, 0, e] / most) ** (1.0 / temperature)
        if weight > 0.0:
            chosen = e
            mark -= weight
            if mark < 0.0:
                break
    return chosen


@compiled
def principal_line(tree, t, longest):
    line = np.empty(longest, np.int64)
    node, length = 0, 0
    while length < longest and node != NONE and tree.evaluated[t, node]:
        best = -1
        for place in range(COLUMNS):
            e = CENTRE_FIRST[place]
            if tree.visits[t, node, e] and (
                best < 0 or tree.visits[t, node, e] > tree.visits[t, node, best]
            ):
                best = e
        if best < 0:
            break
        line[length] = best
        length += 1
        node = tree.child[t, node, best]
    return line[:length]
