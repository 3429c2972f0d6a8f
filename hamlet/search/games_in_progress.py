"""What has happened so far in the games of self-play that are running.

T games; rows: int64 [G], those that are meant.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hamlet.envs.connect_four.bits import CELLS, COLUMNS
from hamlet.search.saving import check_bounds, restore, saved
from hamlet.search.search import Found
from hamlet.search.self_play_games import SelfPlayGame


class GamesInProgress:
    """
    Attributes:
        numbers: int64 [T]. lengths: int64 [T], moves so far. plays_on: bool [T].
        moves: int8 [T, 42]. visits: uint16 and policies: float32 [T, 42, 7].
        values: float32 and explored: bool [T, 42].
        low: int64 [T, 2], moves in a row at which Red and Yellow were below the limit.
        despaired: bool [T, 2], whether they would have resigned.
    """

    def __init__(self, games: int) -> None:
        self.numbers = np.zeros(games, np.int64)
        self.lengths = np.zeros(games, np.int64)
        self.plays_on = np.zeros(games, np.bool_)
        self.moves = np.zeros((games, CELLS), np.int8)
        self.visits = np.zeros((games, CELLS, COLUMNS), np.uint16)
        self.policies = np.zeros((games, CELLS, COLUMNS), np.float32)
        self.values = np.zeros((games, CELLS), np.float32)
        self.explored = np.zeros((games, CELLS), np.bool_)
        self.low = np.zeros((games, 2), np.int64)
        self.despaired = np.zeros((games, 2), np.bool_)

    def begin(self, rows: np.ndarray, numbers: range, plays_on: np.ndarray) -> None:
        self.numbers[rows], self.plays_on[rows] = numbers, plays_on
        self.lengths[rows], self.low[rows], self.despaired[rows] = 0, 0, False

    def note(
        self,
        rows: np.ndarray,
        columns: np.ndarray,
        explored: np.ndarray,
        found: Found,
        which: np.ndarray,
    ) -> None:
        """A move in each of `rows`. which: bool over the rows of `found`, those of `rows`."""
        ply = self.lengths[rows]
        self.moves[rows, ply], self.explored[rows, ply] = columns, explored
        self.visits[rows, ply] = found.visits[which]
        self.policies[rows, ply] = found.policy[which]
        self.values[rows, ply] = found.values[which]
        self.lengths[rows] += 1

    def game(self, row: int, winner: int, *, resigned: bool) -> SelfPlayGame:
        """The record of a game that is over."""
        plies = slice(0, int(self.lengths[row]))
        return SelfPlayGame(
            number=int(self.numbers[row]),
            moves=self.moves[row, plies].copy(),
            winner=winner,
            visits=self.visits[row, plies].copy(),
            policies=self.policies[row, plies].copy(),
            values=self.values[row, plies].copy(),
            explored=self.explored[row, plies].copy(),
            resigned=resigned,
            plays_on=bool(self.plays_on[row]),
        )

    def state_dict(self) -> dict[str, Any]:
        arrays = self._arrays()
        # A tensor of 16 bits without sign is known to few: they are kept as those with sign.
        arrays["visits"] = self.visits.view(np.int16)
        return saved(arrays)

    def load_state_dict(self, state: Any) -> None:
        """Raises: CheckpointError."""
        arrays = self._arrays()
        arrays["visits"] = self.visits.view(np.int16)
        restore(arrays, state, "progress")
        check_bounds(self.lengths, 0, CELLS, "progress.lengths")
        check_bounds(self.moves, 0, COLUMNS - 1, "progress.moves")

    def _arrays(self) -> dict[str, np.ndarray]:
        return dict(vars(self))
