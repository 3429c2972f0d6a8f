"""How often a player of Connect Four chooses worse than perfect play, with intervals.

A WDL mistake loses a class: a win becomes a draw or a loss, or a draw a loss. A score mistake is
any move that perfect play would not make, a slower win and a faster loss too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hamlet.envs.connect_four.position import COLUMNS
from hamlet.errors import Problem, ShapeError, SpecError
from hamlet.evaluation.connect_four_sets import EvaluationSet
from hamlet.evaluation.intervals import Interval, wilson_interval


@dataclass(frozen=True)
class Rates:
    """Shares of mistakes on some positions of a set; None where it has no such positions.

    Attributes: positions: how many. wdl, score: share of WDL and of score mistakes, from 0 to 1.
    """

    positions: int
    wdl: Interval | None
    score: Interval | None

    def to_data(self) -> dict[str, Any]:
        return {
            "positions": self.positions,
            "wdl": self.wdl.to_data() if self.wdl else None,
            "score": self.score.to_data() if self.score else None,
        }


@dataclass(frozen=True)
class Mistakes:
    """Of a player on a set.

    Attributes:
        all: on all positions, as published figures are; in some no move can be wrong.
        decisive: on those whose moves lead to at least two classes.
        wdl, score: bool [N], position by position.
    """

    all: Rates
    decisive: Rates
    wdl: np.ndarray
    score: np.ndarray

    def to_data(self) -> dict[str, Any]:
        return {"all": self.all.to_data(), "decisive": self.decisive.to_data()}


def mistakes(choices: Sequence[int] | np.ndarray, evaluation_set: EvaluationSet) -> Mistakes:
    """Judge the columns that a player chose.

    Args: choices: [N] columns 0 to 6, in the order of the set's positions.
    Raises: ShapeError for another number of them; SpecError naming the first that takes no stone.
    """
    chosen = np.asarray(choices)
    if chosen.shape != (len(evaluation_set),) or chosen.dtype.kind not in "iu":
        raise ShapeError(
            f"found choices of shape {list(chosen.shape)} and type {chosen.dtype}; expected "
            f"{len(evaluation_set)} whole numbers, one column for each position of the set"
        )
    rows = np.arange(len(chosen))
    inside = (chosen >= 0) & (chosen < COLUMNS)
    legal = inside & evaluation_set.legal[rows, np.where(inside, chosen, 0)]
    if not legal.all():
        row = int(np.argmin(legal))
        open_columns = ", ".join(
            str(column) for column in np.flatnonzero(evaluation_set.legal[row])
        )
        message = f"found column {chosen[row]}; open are {open_columns}"
        raise SpecError([Problem(f"choices[{row}]", message)])
    wdl = below_best(evaluation_set.outcomes, chosen)
    score = below_best(evaluation_set.scores, chosen)
    some = evaluation_set.decisive
    return Mistakes(rates(wdl, score), rates(wdl[some], score[some]), wdl, score)


def below_best(worth: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """bool [N]. Args: worth: [N, 7], of closed columns less than of any open one."""
    return worth[np.arange(len(chosen)), chosen] < worth.max(axis=1)


def rates(wdl: np.ndarray, score: np.ndarray) -> Rates:
    if not len(wdl):
        return Rates(0, None, None)
    intervals = [wilson_interval(int(wrong.sum()), len(wrong)) for wrong in (wdl, score)]
    return Rates(len(wdl), *intervals)
