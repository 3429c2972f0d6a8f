"""Monte Carlo tree search with random playouts (UCT), wholly compiled: an opponent without network.

One tree at a time fits into arrays that are used again for every position. A win in one is not
looked for: what the search knows, it knows from playouts.

Source: L. Kocsis and C. Szepesvari 2006, "Bandit based Monte-Carlo planning"; R. Coulom 2006,
"Efficient selectivity and backup operators in Monte-Carlo tree search".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import BOARD, BOTTOM, CENTRE_FIRST, COLUMNS, HEIGHT, has_four
from hamlet.errors import HamletError
from hamlet.search.boards import Boards
from hamlet.search.streams import STEP, mixed

NONE = -1
COLUMN = (1 << (HEIGHT - 1)) - 1


@dataclass(frozen=True)
class RolloutFindings:
    """What playouts said of B positions: visits int64 [B, 7], values float64 [B] and
    column_values float64 [B, 7] seen by the side to move, NaN where a column was not tried."""

    visits: np.ndarray
    values: np.ndarray
    column_values: np.ndarray

    def best_columns(self) -> np.ndarray:
        """int64 [B]: the most visited, of equals the nearest to the centre."""
        return CENTRE_FIRST[self.visits[:, CENTRE_FIRST].argmax(axis=1)]


def search_by_rollouts(
    boards: Boards, simulations: int, seeds: np.ndarray, *, exploration: float = 1.0
) -> RolloutFindings:
    """Search each position by itself; the same seed finds the same.

    Args:
        seeds: int64 [B]. exploration: weight of sqrt(ln N / n) in UCB1, results in [-1, 1].
    Raises: HamletError naming a finished position.
    """
    ended = np.flatnonzero(boards.ended())
    if len(ended):
        raise HamletError(f"position {ended[0]} is finished; expected a side to move")
    count = len(boards)
    visits = np.zeros((count, COLUMNS), np.int64)
    totals = np.zeros((count, COLUMNS), np.float64)
    streams = np.array(seeds, dtype=np.int64)
    _search_all(boards.own, boards.occupied, simulations, exploration, streams, visits, totals)
    with np.errstate(invalid="ignore"):
        column_values = np.where(visits > 0, totals / visits, np.nan)
    return RolloutFindings(visits, totals.sum(axis=1) / visits.sum(axis=1), column_values)


@compiled
def _search_all(own, occupied, simulations, exploration, streams, visits, totals):
    child = np.empty((simulations + 1, COLUMNS), np.int32)
    counts = np.empty(simulations + 1, np.int32)
    sums = np.empty(simulations + 1, np.float64)
    path = np.empty(64, np.int32)
    logarithms = np.log(np.arange(simulations + 2).astype(np.float64) + 1e-300)
    for row in range(own.shape[0]):
        child[0] = NONE
        counts[0], sums[0] = 0, 0.0
        used = 1
        for _ in range(simulations):
            used, streams[row] = _simulate(
                own[row], occupied[row], exploration, streams[row], child, counts, sums, path,
                logarithms, used,
            )  # fmt: skip
        for column in range(COLUMNS):
            below = child[0, column]
            if below != NONE:
                visits[row, column], totals[row, column] = counts[below], sums[below]


@compiled
def _simulate(
    own, occupied, exploration, stream, child, counts, sums, path, logarithms, used,
):  # fmt: skip
    """One descent, one new node, one playout, one way back.

    `sums` of a node are seen by the side that moved into it.
    Returns: (nodes used, stream).
    """
    node, length = 0, 0
    path[0] = 0
    over = False
    result = 0.0  # as seen by the side that moved last
    fresh = False
    while not over and not fresh:
        column, stream = _tried(
            child, counts, sums, node, occupied, exploration, logarithms, stream
        )
        stone = (occupied + BOTTOM) & (COLUMN << (HEIGHT * column))
        own, occupied = own ^ occupied, occupied | stone
        if child[node, column] == NONE:
            child[node, column] = used
            child[used] = NONE
            counts[used], sums[used] = 0, 0.0
            used += 1
            fresh = True
        node = child[node, column]
        length += 1
        path[length] = node
        if has_four(own ^ occupied):
            over, result = True, 1.0
        elif occupied == BOARD:
            over = True
    if not over:
        result, stream = _playout(own, occupied, stream)
    while length >= 0:
        counts[path[length]] += 1
        sums[path[length]] += result
        result = -result
        length -= 1
    return used, stream


@compiled
def _tried(child, counts, sums, node, occupied, exploration, logarithms, stream):
    """Returns: (a column never tried, drawn; or the one with the highest bound, stream)."""
    untried, open_columns = 0, (occupied + BOTTOM) & BOARD
    best, chosen = -math.inf, -1
    for column in range(COLUMNS):
        if open_columns & (COLUMN << (HEIGHT * column)):
            below = child[node, column]
            if below == NONE:
                untried += 1
            elif untried == 0:
                count = counts[below]
                bound = sums[below] / count
                bound += exploration * math.sqrt(logarithms[counts[node]] / count)
                if bound > best:
                    best, chosen = bound, column
    if untried == 0:
        return chosen, stream
    stream += STEP
    left = (((mixed(stream) >> 32) & 0xFFFFFFFF) * untried) >> 32
    for column in range(COLUMNS):
        if open_columns & (COLUMN << (HEIGHT * column)) and child[node, column] == NONE:
            if left == 0:
                return column, stream
            left -= 1
    return chosen, stream


@compiled
def _playout(own, occupied, stream):
    """Random moves to the end. Returns: (the result seen by the side that moved last, stream)."""
    sign = 1.0
    while True:
        cells = (occupied + BOTTOM) & BOARD
        if cells == 0:
            return 0.0, stream
        stream += STEP
        stone = _drawn_cell(cells, mixed(stream))
        if has_four(own | stone):
            return -sign, stream
        own, occupied = own ^ occupied, occupied | stone
        sign = -sign


@compiled
def _drawn_cell(cells, number):
    """One of the cells, all as likely."""
    count = 0
    left = cells
    while left:
        left &= left - 1
        count += 1
    left = (((number >> 32) & 0xFFFFFFFF) * count) >> 32
    while left > 0:
        cells &= cells - 1
        left -= 1
    return cells & -cells
