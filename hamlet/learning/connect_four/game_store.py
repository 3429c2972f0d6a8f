"""The newest games whole, as MuZero needs them: every position with the moves that follow it.

Shapes: G games, P = 42 plies at most, B positions drawn, K unrolled steps, A = 7 columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hamlet.envs.connect_four.bits import BOARD, CELLS, COLUMNS
from hamlet.errors import CheckpointError, ShapeError
from hamlet.learning.saved_state import OTHER_RUN, check_range, load_tensors, load_whole

# Of each game; a tuple is the shape behind the first axis.
COLUMNS_OF = {
    "own": (torch.int64, (CELLS,)),
    "occupied": (torch.int64, (CELLS,)),
    "moves": (torch.int8, (CELLS,)),
    "policy": (torch.float16, (CELLS, COLUMNS)),
    "value": (torch.float16, (CELLS,)),  # what the search found
    "outcome": (torch.float16, (CELLS,)),  # of the game, as seen by the side to move
    "plies": (torch.int64, ()),
    "played_out": (torch.bool, ()),  # ended by the rules; False where a side resigned
    "won": (torch.bool, ()),  # the last move made four
}


@dataclass(frozen=True)
class PlayedGame:
    """A finished game of P plies.

    Attributes:
        own, occupied: [P] int64, the position before each ply. moves: [P] columns.
        policy: [P, A], what the search recommends; all 0 where there is none.
        value: [P], what the search found the position worth to the side to move.
        outcome: [P], from -1 to 1: the result as seen by the side to move, discounted if the run
            says so.
        played_out: whether it ended by the rules. won: whether its last move made four.
    """

    own: Tensor
    occupied: Tensor
    moves: Tensor
    policy: Tensor
    value: Tensor
    outcome: Tensor
    played_out: bool
    won: bool


class GameStore:
    """A ring of games.

    Attributes:
        capacity: games it holds. filled: games that are there.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.filled = self._cursor = 0
        self.columns = {
            name: torch.zeros((capacity, *shape), dtype=dtype)
            for name, (dtype, shape) in COLUMNS_OF.items()
        }

    def __len__(self) -> int:
        return self.filled

    @property
    def positions(self) -> int:
        return int(self.columns["plies"][: self.filled].sum())

    def add(self, game: PlayedGame) -> None:
        """Raises: ShapeError if the game has no move, or its parts differ in length."""
        plies, row = len(game.moves), self._cursor
        for name in ("own", "occupied", "moves", "policy", "value", "outcome"):
            part = getattr(game, name)
            if not 1 <= len(part) == plies <= CELLS:
                message = f"{name}: found {len(part)} plies of a game of {plies}; expected 1 to 42"
                raise ShapeError(message)
            column = self.columns[name]
            column[row] = 0
            column[row, :plies] = part.to(column.dtype)
        self.columns["plies"][row] = plies
        self.columns["played_out"][row] = game.played_out
        self.columns["won"][row] = game.won
        self._cursor = (row + 1) % self.capacity
        self.filled = min(self.filled + 1, self.capacity)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Positions with replacement, each of all games as likely as any other.

        Returns: (games [B], plies [B]), int64.
        """
        ends = self.columns["plies"][: self.filled].cumsum(0)
        drawn = torch.randint(int(ends[-1]), (count,), generator=generator)
        games = torch.searchsorted(ends, drawn, right=True)
        return games, drawn - (ends[games] - self.columns["plies"][games])

    def write_search(self, games: Tensor, plies: Tensor, policy: Tensor, value: Tensor) -> None:
        """What a newer search found about stored positions. policy [B, A], value [B]."""
        self.columns["policy"][games, plies] = policy.half()
        self.columns["value"][games, plies] = value.half()

    def state_dict(self) -> dict[str, Any]:
        columns = {name: column[: self.filled].clone() for name, column in self.columns.items()}
        return {"filled": self.filled, "cursor": self._cursor, "columns": columns}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if the state does not fit this capacity."""
        filled = load_whole(state["filled"], 0, self.capacity, "filled")
        cursor = load_whole(state["cursor"], 0, self.capacity - 1, "cursor")
        if filled < self.capacity and cursor != filled:
            raise CheckpointError(f"cursor: found {cursor}; expected {filled}, as it is not full")
        views = {name: column[:filled] for name, column in self.columns.items()}
        load_tensors(views, state["columns"], "columns")
        for name, low, high in (
            ("plies", 1, CELLS),
            ("moves", 0, COLUMNS - 1),
            ("occupied", 0, BOARD),
            ("outcome", -1, 1),
            ("policy", 0.0, 1.0),
            ("value", -1.0, 1.0),
        ):
            check_range(views[name], low, high, f"columns.{name}")
        if bool((views["own"] & ~views["occupied"]).any()):
            raise CheckpointError(f"columns.own: stones outside of occupied. {OTHER_RUN}")
        self.filled, self._cursor = filled, cursor
