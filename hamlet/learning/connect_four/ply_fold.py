"""Fold up to n plies of a game into one transition of the side that moved first.

The players take turns, so what is good after an odd number of plies is bad for the one who moved
first: every ply multiplies by minus gamma.

Shapes: n plies at most, N games, K transitions.
Source: Hessel et al., https://arxiv.org/abs/1710.02298, "multi-step learning"; Littman 1994,
https://doi.org/10.1016/B978-1-55860-335-6.50027-1 (turns as a zero-sum game).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hamlet.learning.saved_state import check_range, cloned, load_tensors, load_whole


@dataclass(frozen=True)
class Plies:
    """Attributes:
    own, occupied: [K] int64, the position as the side to move sees it. columns: [K] int64, played.
    rewards: [K] for that side: (-gamma)^(steps - 1) where the last ply won the game, else 0.
    steps: [K] int64, plies covered. ended: [K] bool, whether the game was over then.
    next_own, next_occupied: [K] int64, the position after them, as its side to move sees it.
    weights: [K], how much each counts.
    """

    own: Tensor
    occupied: Tensor
    columns: Tensor
    rewards: Tensor
    steps: Tensor
    ended: Tensor
    next_own: Tensor
    next_occupied: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.own)


class PlyFold:
    """Waits until a move has n plies behind it, its own among them, or its game is over."""

    def __init__(self, n: int, discount: float, games: int, device: torch.device | str) -> None:
        self.n, self.discount = n, discount
        self.cursor = 0  # slot of the newest ply; slots are taken in turn
        self.waiting = {
            name: torch.zeros(n, games, dtype=torch.int64, device=device)
            for name in ("own", "occupied", "columns", "steps")  # steps 0: empty
        }

    def add(
        self,
        before: tuple[Tensor, Tensor],
        columns: Tensor,
        after: tuple[Tensor, Tensor],
        ended: Tensor,
        won: Tensor,
    ) -> Plies:
        """One ply of all games.

        Args:
            before, after: (own, occupied), [N] each, as their side to move sees them.
            columns [N]. ended, won: [N] bool, whether the game is over, and won by this ply.

        Returns: the transitions that are complete with it, oldest first; there may be none.
        """
        waiting = self.waiting
        waiting["own"][self.cursor], waiting["occupied"][self.cursor] = before
        waiting["columns"][self.cursor] = columns
        waiting["steps"][self.cursor] = 0
        active = waiting["steps"] > 0
        active[self.cursor] = True
        waiting["steps"] += active
        complete = active & ((waiting["steps"] == self.n) | ended)
        self.cursor = (self.cursor + 1) % self.n
        folded = self._take(complete, after, ended, won)
        waiting["steps"].masked_fill_(complete, 0)
        return folded

    def _take(
        self, complete: Tensor, after: tuple[Tensor, Tensor], ended: Tensor, won: Tensor
    ) -> Plies:
        """complete: [n, N]. The slot after the newest is the oldest, so roll it to the top."""
        oldest_first = complete.roll(-self.cursor, 0).nonzero()
        slots = (oldest_first[:, 0] + self.cursor) % self.n
        games = oldest_first[:, 1]
        taken = {name: values[slots, games] for name, values in self.waiting.items()}
        paid = (-self.discount) ** (taken["steps"] - 1).float()
        return Plies(
            **taken,
            rewards=torch.where(won[games], paid, 0.0),
            ended=ended[games],
            next_own=after[0][games],
            next_occupied=after[1][games],
            weights=torch.ones_like(paid),
        )

    def state_dict(self) -> dict[str, Any]:
        return {"cursor": self.cursor, "waiting": cloned(self.waiting)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        self.cursor = load_whole(state["cursor"], 0, self.n - 1, "cursor")
        load_tensors(self.waiting, state["waiting"], "waiting")
        check_range(self.waiting["steps"], 0, self.n, "waiting.steps")
        check_range(self.waiting["columns"], 0, 6, "waiting.columns")
