"""Endings of Connect Four with perfect labels, made in a moment: what learning is tested on."""

from __future__ import annotations

import numpy as np

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import count as count_cells
from hamlet.envs.connect_four.bits import has_four, playable
from hamlet.envs.connect_four.position import CELLS, Position
from hamlet.errors import Problem, SpecError
from hamlet.evaluation.connect_four_sets import MOST_POSITIONS
from hamlet.learning.randomness import derived_seed
from hamlet.schema import Integer, Section, describe, validate
from hamlet.search.labels import NO_MOVE, label_columns
from hamlet.search.solver import Solver

REQUEST = Section({"count": Integer(1, MOST_POSITIONS), "seed": Integer(0, 2**53 - 1)})
TRIES = 4_000  # games for each position wanted; most games end before
AT_ONCE = 4_000
MOST_EMPTY = 20  # further from the end a position takes long to solve


def endings(
    count: int,
    empty_cells: tuple[int, int] = (6, 10),
    seed: int = 0,
    *,
    solver: Solver | None = None,
    workers: int = 1,
) -> dict[str, np.ndarray]:
    """Positions of games with even draws, no two of them alike or each other's mirror image.

    Args: empty_cells: fewest and most cells without a stone.
    Returns: the arrays of training examples: `own`, `occupied` int64 [N]; `policy` float32 [N, 7],
        even over the columns of the best score; `value` float32 [N], the outcome of perfect play
        for the side to move; `weight` float32 [N], ones; and `scores` int8 [N, 7] of every column.
    Raises: SpecError for arguments out of range, or if there are too few such endings.
    """
    validate(REQUEST, {"count": count, "seed": seed})
    positions = draw_endings(count, *checked_range(empty_cells), seed)
    scores = label_columns(positions, solver=solver, workers=workers)
    best = scores.max(axis=1, keepdims=True)
    policy = ((scores == best) & (scores != NO_MOVE)).astype(np.float32)
    return {
        "own": np.array([position.own for position in positions], np.int64),
        "occupied": np.array([position.occupied for position in positions], np.int64),
        "policy": policy / policy.sum(axis=1, keepdims=True),
        "value": np.sign(best[:, 0]).astype(np.float32),
        "weight": np.ones(len(positions), np.float32),
        "scores": scores,
    }


def checked_range(empty_cells: object) -> tuple[int, int]:
    """Raises: SpecError."""
    if isinstance(empty_cells, tuple | list) and len(empty_cells) == 2:
        fewest, most = empty_cells
        whole = all(isinstance(n, int) and not isinstance(n, bool) for n in (fewest, most))
        if whole and 1 <= fewest <= most <= MOST_EMPTY:
            return fewest, most
    message = f"found {describe(empty_cells)}; expected (fewest, most) from 1 to {MOST_EMPTY}"
    raise SpecError([Problem("empty_cells", message)])


def draw_endings(count: int, fewest: int, most: int, seed: int) -> list[Position]:
    generator = np.random.default_rng(derived_seed(seed, f"connect four/endings/{fewest}-{most}"))
    found: dict[int, Position] = {}
    for _ in range(0, TRIES * count, AT_ONCE):
        plies = CELLS - generator.integers(fewest, most + 1, AT_ONCE)
        boards = np.zeros((AT_ONCE, 2), np.int64)
        play_out(plies, generator.random((AT_ONCE, CELLS)), boards)
        for own, occupied in boards[boards[:, 1] > 0].tolist():
            position = Position(own, occupied)
            found.setdefault(position.canonical_key, position)
            if len(found) == count:
                return list(found.values())
    message = f"found {len(found)} endings in {TRIES * count} games; expected {count}"
    raise SpecError([Problem("count", f"{message}. Ask for fewer, or for more empty cells")])


@compiled
def play_out(plies, chances, boards) -> None:
    """Play even draws in every row. A game that ends on the way leaves an empty board.

    Args: plies: int64 [N]. chances: float64 [N, 42] in [0, 1). boards: int64 [N, 2] of zeros, to
        which own and occupied stones are written.
    """
    for row in range(plies.shape[0]):
        own = occupied = 0
        for ply in range(plies[row]):
            moves = playable(occupied)
            for _ in range(int(chances[row, ply] * count_cells(moves))):
                moves &= moves - 1
            move = moves & -moves
            own, occupied = own ^ occupied, occupied | move
            if has_four(own ^ occupied):
                own = occupied = 0
                break
        boards[row, 0], boards[row, 1] = own, occupied
