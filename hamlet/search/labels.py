"""Scores of all columns of many positions, as arrays: what datasets and evaluation sets keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hamlet.envs.connect_four.position import COLUMNS, Position
from hamlet.search.solver import Solver, shared_solver
from hamlet.search.solver_limits import NO_LIMITS, Limits

NO_MOVE = -128  # the score of a column in which no stone falls


def label_columns(
    positions: Sequence[Position],
    *,
    solver: Solver | None = None,
    workers: int = 1,
    limits: Limits = NO_LIMITS,
    on_progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """The score of every column for the side to move.

    Args:
        solver: with the table to use; None: the one of this process.
        on_progress: called with the number of columns scored since the last call.
    Returns: int8 [N, 7]; NO_MOVE where no stone falls.
    Raises: as `Solver.solve_batch`.
    """
    columns = [position.legal_columns() for position in positions]
    successors = [
        position.play(column)
        for position, open_columns in zip(positions, columns, strict=True)
        for column in open_columns
    ]
    found = (solver or shared_solver()).solve_batch(successors, workers, limits, on_progress)
    scores = np.full((len(positions), COLUMNS), NO_MOVE, np.int8)
    following = iter(found)
    for row, open_columns in enumerate(columns):
        for column in open_columns:
            scores[row, column] = -next(following)
    return scores
