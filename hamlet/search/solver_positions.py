"""Positions as the compiled search takes them, checked as if a stranger had sent them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hamlet.envs.connect_four.position import Position
from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from hamlet.search.solver_kernel import BELOW, OCCUPIED, OWN, TASK
from hamlet.search.solver_tasks import begin

BITS = 49
MOST_POSITIONS = 10_000_000


def task_rows(positions: Sequence[Position], window: tuple[int, int]) -> np.ndarray:
    """int64 [positions, TASK]; what the rules alone say of each score is filled in.

    Args: window: (below, above); a position counts as solved once its score is known, or known to
        be at most `below`, or at least `above`.
    Raises: SpecError naming the first that is no position.
    """
    if isinstance(positions, str | bytes) or not isinstance(positions, Sequence):
        message = f"found {describe(positions)}; expected a list of positions"
        raise SpecError([Problem("positions", message)])
    if len(positions) > MOST_POSITIONS:
        message = f"found {len(positions)}; expected at most {MOST_POSITIONS} at a time"
        raise SpecError([Problem("positions", message)])
    tasks = np.zeros((len(positions), TASK), np.int64)
    for row, position in enumerate(positions):
        if not is_readable(position):
            refuse(row, f"found {describe(position)}; expected a Position of 42 cells")
        tasks[row, OWN], tasks[row, OCCUPIED] = position.own, position.occupied
    tasks[:, BELOW:] = window
    wrong = begin(tasks)
    if wrong >= 0:
        refuse(
            wrong,
            "no position of play: stones float or lie outside the board, the sides do not have "
            "the stones that turns give them, or the side to move has four",
        )
    return tasks


def is_readable(position: object) -> bool:
    return isinstance(position, Position) and all(
        isinstance(bits, int) and not isinstance(bits, bool) and 0 <= bits < 1 << BITS
        for bits in (position.own, position.occupied)
    )


def refuse(row: int, message: str) -> None:
    raise SpecError([Problem(f"positions[{row}]", message)])
