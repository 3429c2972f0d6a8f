"""Positions of random play with perfect answers, a few at a time and without end.

Shapes: N positions, K of them waiting for the solver.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hamlet.envs.connect_four.bits import BOARD, CELLS
from hamlet.errors import CheckpointError, HamletError
from hamlet.learning.connect_four.first_positions import Starts, random_play
from hamlet.learning.connect_four.solver_targets import solved
from hamlet.learning.randomness import generator_for
from hamlet.learning.saved_state import (
    OTHER_RUN,
    check_range,
    generator_state,
    load_generator,
    spell,
)
from hamlet.search.boards import Boards

GAMES = 256  # of random play, drawn together
AT_ONCE = 16  # positions that the solver gets at a time
SOLVE_FOR_S = 0.5  # in one unit of work; where it is cut changes nothing
MOST_VAIN = 1_000  # draws in a row without a position near enough to the end


class SolvedPositions:
    """Attributes:
    waiting: [K, 2] int64, own and occupied of positions that were drawn and not yet solved.
    """

    def __init__(
        self,
        seed: int,
        purpose: str,
        *,
        most_empty_cells: int,
        softness: float,
        starts: Sequence[str],
    ) -> None:
        """Args:
        purpose: what the positions are for; other purposes have others.
        most_empty_cells: positions with more are left out.
        softness: of the policies, see `solver_targets.shares_of`.
        starts: where the games begin, as moves; none for the empty board.
        """
        self.most_empty_cells, self.softness = most_empty_cells, softness
        self.starts = Starts(starts)
        self.waiting = torch.empty(0, 2, dtype=torch.int64)
        self._generator = generator_for(seed, purpose)
        self._in_vain = 0

    def advance(self, most: int) -> dict[str, Tensor]:
        """Solve for half a second at most, or rather until the few at hand are done.

        Returns: up to `most` positions as rows of a PositionBuffer, perhaps none.
        Raises: HamletError if random play never comes near enough to the end of a game.
        """
        if not len(self.waiting):
            self._draw()
        began, parts = time.perf_counter(), [self._solve(0)]
        while len(self.waiting) and most > 0:
            parts.append(self._solve(min(AT_ONCE, most)))
            most -= len(parts[-1]["own"])
            if time.perf_counter() - began > SOLVE_FOR_S:
                break
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _solve(self, count: int) -> dict[str, Tensor]:
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        own, occupied = taken.unbind(dim=1)
        policy, value = solved(own.numpy(), occupied.numpy(), self.softness)
        labels = {"policy": torch.from_numpy(policy), "value": torch.from_numpy(value)}
        return {"own": own, "occupied": occupied, **labels}

    def _draw(self) -> None:
        """Let random games be played, and keep the positions near enough to the end."""
        device = torch.device("cpu")
        plies = list(random_play(self.starts, GAMES, CELLS, self._generator, device))
        own, occupied = (torch.cat(part).numpy() for part in zip(*plies, strict=True))
        near = np.flatnonzero(CELLS - np.bitwise_count(occupied) <= self.most_empty_cells)
        order = torch.randperm(len(near), generator=self._generator).numpy()
        chosen = near[order]
        self.waiting = torch.from_numpy(np.stack([own[chosen], occupied[chosen]], axis=1))
        self._in_vain = 0 if len(chosen) else self._in_vain + 1
        if self._in_vain >= MOST_VAIN:
            raise HamletError(
                f"{MOST_VAIN * GAMES} random games from these starts had no position with at most "
                f"{self.most_empty_cells} empty cells; allow more, or begin nearer to the end"
            )

    def state_dict(self) -> dict[str, Any]:
        return {
            "waiting": self.waiting.clone(),
            "generator": generator_state(self._generator),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        waiting = state["waiting"]
        good = isinstance(waiting, Tensor) and waiting.dtype == torch.int64
        if not good or waiting.dim() != 2 or waiting.shape[1] != 2:
            message = f"found {spell(waiting)}; expected pairs of int64"
            raise CheckpointError(f"waiting: {message}. {OTHER_RUN}")
        check_range(waiting, 0, BOARD, "waiting")
        own, occupied = (part.contiguous() for part in waiting.cpu().unbind(dim=1))
        if bool((own & ~occupied).any()) or Boards(own.numpy(), occupied.numpy()).ended().any():
            message = "found stones outside of occupied, or a game that is over"
            raise CheckpointError(f"waiting: {message}. {OTHER_RUN}")
        load_generator(self._generator, state["generator"], "generator")
        self.waiting = waiting.cpu().clone()
