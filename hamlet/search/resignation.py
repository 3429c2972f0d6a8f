"""Giving up games that are lost, and measuring how often that would have been wrong.

A share of games is played on whatever their values. In these it shows whether a side that would
have resigned loses indeed.

Source: D. Silver et al. 2017, "Mastering the game of Go without human knowledge", methods.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hamlet.learning.saved_state import load_number, load_whole
from hamlet.search.games_in_progress import GamesInProgress
from hamlet.search.self_play_games import SelfPlayGame
from hamlet.search.settings import SearchSettings

MOST_FALSE = 0.05
FEWEST = 20  # resignations measured before the share of false ones is believed


class Resignation:
    """
    Attributes:
        limit: root values below it count; lowered half way to -1 whenever more than 5 % of the
            resignations measured since were false. It never rises by itself.
        measured, false: resignations in games played on since the limit is what it is.
        total_measured, total_false: since the beginning.
    """

    def __init__(self, settings: SearchSettings) -> None:
        self.limit, self.plies = settings.resign_below, settings.resign_plies
        self.off_share = settings.resign_off_share
        self.measured = self.false = self.total_measured = self.total_false = 0

    def despairs(
        self, progress: GamesInProgress, rows: np.ndarray, plies: np.ndarray, values: np.ndarray
    ) -> np.ndarray:
        """Take note of the root values, seen by the side to move.

        Args: rows, plies, values: [G].
        Returns: bool [G], whether that side has been below the limit often enough to resign.
        """
        side = plies % 2
        low = np.where(values < self.limit, progress.low[rows, side] + 1, 0)
        progress.low[rows, side] = low
        despairs = low >= self.plies
        progress.despaired[rows, side] |= despairs
        return despairs

    def learn(self, game: SelfPlayGame, despaired: np.ndarray) -> None:
        """Args: despaired: bool [2], whether Red and Yellow would have resigned."""
        if not game.plays_on:
            return
        for side in np.flatnonzero(despaired):
            wrong = game.winner != 2 - side  # the other side, as 1 or 2, did not win
            self.measured += 1
            self.total_measured += 1
            self.false += wrong
            self.total_false += wrong
        if self.measured >= FEWEST and self.false > MOST_FALSE * self.measured:
            self.limit = (self.limit - 1.0) / 2
            self.measured = self.false = 0

    def state_dict(self) -> dict[str, Any]:
        return {"limit": self.limit, **{name: int(getattr(self, name)) for name in COUNTS}}

    def load_state_dict(self, state: Any) -> None:
        """Raises: CheckpointError."""
        self.limit = load_number(state["limit"], -1.0, 0.0, "resignation.limit")
        for name in COUNTS:
            setattr(self, name, load_whole(state[name], 0, 1 << 62, f"resignation.{name}"))


COUNTS = ("measured", "false", "total_measured", "total_false")
