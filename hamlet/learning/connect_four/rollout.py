"""What a policy did in some steps of many games, and how good that was.

Shapes: T steps at most, N games, B rows of one batch, M rows in all (T x N, as far as filled).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.learning.advantages import generalized_advantages
from hamlet.learning.saved_state import cloned, load_tensors, load_whole

DTYPES = {
    "own": torch.int64,
    "occupied": torch.int64,
    "flipped": torch.bool,
    "columns": torch.int64,
    "log_probs": torch.float32,
    "values": torch.float32,
    "rewards": torch.float32,
    "ended": torch.bool,
    "advantages": torch.float32,
    "returns": torch.float32,
}


class Rollout:
    """Attributes: steps: filled so far."""

    def __init__(self, most_steps: int, games: int, device: torch.device | str = "cpu") -> None:
        self.most_steps, self.games = most_steps, games
        self.steps = 0
        self.rows = {
            name: torch.zeros(most_steps, games, dtype=dtype, device=device)
            for name, dtype in DTYPES.items()
        }

    def __len__(self) -> int:
        return self.steps * self.games

    def add(self, **values: Tensor) -> None:
        """One step: all of `DTYPES` but advantages and returns, [N] each."""
        for name, value in values.items():
            self.rows[name][self.steps] = value
        self.steps += 1

    def judge(self, last_values: Tensor, *, discount: float, trace_decay: float) -> None:
        """Work out advantages and returns of all steps so far.

        Args: last_values: [N] of the positions that followed the last step.
        """
        values, rewards, ended = (
            self.rows[name][: self.steps] for name in ("values", "rewards", "ended")
        )
        following = torch.cat([values[1:], last_values[None]])
        advantages, returns = generalized_advantages(
            rewards,
            values,
            following.masked_fill(ended, 0.0),
            ended,
            discount=discount,
            trace_decay=trace_decay,
        )
        self.rows["advantages"][: self.steps] = advantages
        self.rows["returns"][: self.steps] = returns

    def take(self, rows: Tensor) -> dict[str, Tensor]:
        """Args: rows: [B] int64 of [0, M). Returns: all of `DTYPES`, [B] each."""
        return {name: column[: self.steps].flatten()[rows] for name, column in self.rows.items()}

    def clear(self) -> None:
        self.steps = 0

    def state_dict(self) -> dict[str, Any]:
        filled = {name: column[: self.steps] for name, column in self.rows.items()}
        return {"steps": self.steps, "rows": cloned(filled)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        self.steps = load_whole(state["steps"], 0, self.most_steps, "steps")
        filled = {name: column[: self.steps] for name, column in self.rows.items()}
        load_tensors(filled, state["rows"], "rows")
