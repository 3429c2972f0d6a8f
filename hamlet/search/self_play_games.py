"""What is kept of a game of self-play.

P plies: the position of ply p is the one before move p.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from hamlet.envs.connect_four.bits import COLUMNS
from hamlet.search.boards import Boards
from hamlet.search.openings import as_moves

MOST_VISITS = 65_535


@dataclass(frozen=True)
class SelfPlayGame:
    """
    Attributes:
        number: the how-many-eth game of its self-play; its mirror image has the same.
        moves: int8 [P], columns 0 to 6. winner: 1 Red, 2 Yellow, 0 a draw.
        visits: uint16 [P, 7], of the root. policies: float32 [P, 7], what a network should learn.
        values: float32 [P], of the root, seen by the side to move.
        explored: bool [P], plies whose column was drawn uniformly; no policy is learned there.
        resigned: the side to move after the last move gave up.
        plays_on: nobody was allowed to resign, to measure how often that would have been wrong.
        mirrored: an image of a game that was played.
    """

    number: int
    moves: np.ndarray
    winner: int
    visits: np.ndarray
    policies: np.ndarray
    values: np.ndarray
    explored: np.ndarray
    resigned: bool
    plays_on: bool
    mirrored: bool = False

    def __len__(self) -> int:
        return len(self.moves)

    @property
    def text(self) -> str:
        """The moves as digits 1-7."""
        return as_moves(self.moves)

    def boards(self) -> Boards:
        """The P positions before the moves."""
        boards = Boards(np.zeros(len(self), np.int64), np.zeros(len(self), np.int64))
        here = Boards.empty(1)
        for ply, column in enumerate(self.moves):
            boards.own[ply], boards.occupied[ply] = here.own[0], here.occupied[0]
            here = here.play(np.array([column], np.int64))
        return boards

    def outcomes(self) -> np.ndarray:
        """float32 [P]: the result for the side to move at each ply."""
        if self.winner == 0:
            return np.zeros(len(self), np.float32)
        red_to_move = np.arange(len(self)) % 2 == 0
        return np.where(red_to_move == (self.winner == 1), 1.0, -1.0).astype(np.float32)

    def targets(self) -> np.ndarray:
        """float32 [P, 7]: the policies, all 0 where the column was drawn uniformly."""
        return np.where(self.explored[:, None], np.float32(0), self.policies)

    def mirror(self) -> Self:
        """The same game seen from behind the board."""
        return replace(
            self,
            moves=(COLUMNS - 1 - self.moves).astype(np.int8),
            visits=self.visits[:, ::-1].copy(),
            policies=self.policies[:, ::-1].copy(),
            mirrored=not self.mirrored,
        )
