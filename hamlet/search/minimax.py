"""Minimax to a fixed depth: the classical opponent that looks a few moves ahead.

A win or loss within the horizon counts more than anything else, a win the more and a loss the less
the sooner it comes. Beyond the horizon a position is worth what its lines promise: each of the 69
lines of four cells without a stone of the opponent counts 1, 10, 100 or 1,000 with 0 to 3 own
stones; mine minus yours.

Source: the heuristic is that of the minimax baseline of AlphaZero.jl (games/connect-four/game.jl,
https://github.com/jonathan-laurent/AlphaZero.jl), times 1,000; alpha-beta: Knuth and Moore 1975.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import (
    BOARD,
    CENTRE_FIRST,
    COLUMNS,
    HEIGHT,
    cells_of,
    count,
    playable,
    winning_cells,
)
from hamlet.envs.connect_four.position import Position
from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from hamlet.search.solver_positions import task_rows

DEPTH, MOST_DEPTH = 5, 12
WIN = 1_000_000  # plus one for each ply left of the horizon
NO_MOVE = -(2**62)
# A row of the path that is being looked at, by plies left to the horizon.
OWN, OCCUPIED, ALPHA, BETA, BEST, RANK = range(6)
PATH = 6
LINES = np.array(
    [
        cells
        for step in (1, HEIGHT - 1, HEIGHT, HEIGHT + 1)
        for start in range(HEIGHT * COLUMNS)
        for cells in [sum(1 << (start + step * stone) for stone in range(4))]
        if cells & ~BOARD == 0
    ],
    dtype=np.int64,
)
WORTH = np.array([1, 10, 100, 1000], dtype=np.int64)


@compiled
def promise(own: int, occupied: int) -> int:
    """What the lines are worth to the side to move; nobody has four."""
    other = own ^ occupied
    worth = 0
    for line in LINES:
        if line & other == 0:
            worth += WORTH[count(line & own)]
        if line & own == 0:
            worth -= WORTH[count(line & other)]
    return worth


@compiled
def put(path, left: int, own: int, occupied: int, window) -> None:
    """Begin a row of the path. Args: left: plies to the horizon. window: (alpha, beta)."""
    path[left, OWN], path[left, OCCUPIED] = own, occupied
    path[left, ALPHA], path[left, BETA] = window
    path[left, BEST], path[left, RANK] = NO_MOVE, 0
    moves = playable(occupied)
    if moves == 0:
        path[left, BEST], path[left, RANK] = 0, COLUMNS
    elif left == 0:
        path[left, BEST], path[left, RANK] = promise(own, occupied), COLUMNS
    elif winning_cells(own, occupied) & moves:
        path[left, BEST], path[left, RANK] = WIN + left, COLUMNS


@compiled
def next_move(path, left: int) -> int:
    """The next cell to try; 0 if there is none, or no need."""
    moves = playable(path[left, OCCUPIED])
    while path[left, RANK] < COLUMNS and path[left, ALPHA] < path[left, BETA]:
        column = CENTRE_FIRST[path[left, RANK]]
        path[left, RANK] += 1
        if moves & cells_of(column):
            return moves & cells_of(column)
    return 0


@compiled
def value_of(own: int, occupied: int, depth: int, path) -> int:
    """The value for the side to move, `depth` plies deep; nobody has four yet.

    The path is kept by hand: numba cannot load functions that call themselves from its cache.
    """
    left = depth
    put(path, left, own, occupied, (NO_MOVE, -NO_MOVE))
    while True:
        move = next_move(path, left)
        if move:
            mine, stones = path[left, OWN] ^ path[left, OCCUPIED], path[left, OCCUPIED] | move
            put(path, left - 1, mine, stones, (-path[left, BETA], -path[left, ALPHA]))
            left -= 1
        elif left == depth:
            return path[left, BEST]
        else:
            value = -path[left, BEST]
            left += 1
            path[left, BEST] = max(path[left, BEST], value)
            path[left, ALPHA] = max(path[left, ALPHA], value)


@compiled
def fill_values(own, occupied, depth: int, values) -> None:
    """values: int64 [N, 7], NO_MOVE where no stone falls."""
    path = np.zeros((MOST_DEPTH, PATH), np.int64)
    for row in range(own.shape[0]):
        moves = playable(occupied[row])
        wins = winning_cells(own[row], occupied[row]) & moves
        for column in range(COLUMNS):
            move = moves & cells_of(column)
            values[row, column] = NO_MOVE
            if move & wins:
                values[row, column] = WIN + depth
            elif move:
                mine, all_stones = own[row] ^ occupied[row], occupied[row] | move
                values[row, column] = -value_of(mine, all_stones, depth - 1, path)


def minimax_values(positions: Sequence[Position], depth: int = DEPTH) -> np.ndarray:
    """The value of every column for the side to move.

    Args: depth: plies looked ahead, the move itself included.
    Returns: int64 [N, 7]; NO_MOVE where no stone falls, and everywhere if the game is over.
    Raises: SpecError for what is no position, or a depth out of range.
    """
    if isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= MOST_DEPTH:
        message = f"found {describe(depth)}; expected 1 to {MOST_DEPTH} plies"
        raise SpecError([Problem("depth", message)])
    tasks = task_rows(positions, (0, 1))
    own, occupied = tasks[:, 0].copy(), tasks[:, 1].copy()
    values = np.empty((len(tasks), COLUMNS), np.int64)
    fill_values(own, occupied, depth, values)
    values[[position.ended for position in positions]] = NO_MOVE
    return values


def minimax_column(
    position: Position, depth: int = DEPTH, generator: np.random.Generator | None = None
) -> int:
    """The column of the highest value.

    Args: generator: draws among equals; None takes the one nearest the centre, left before right.
    Raises: as `minimax_values`; SpecError if the game is over.
    """
    (values,) = minimax_values([position], depth)
    if values.max() == NO_MOVE:
        message = "the game is over: there is no column to choose"
        raise SpecError([Problem("position", message)])
    equals = [int(column) for column in CENTRE_FIRST if values[column] == values.max()]
    return equals[0] if generator is None else equals[int(generator.integers(len(equals)))]
