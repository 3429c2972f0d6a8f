"""The newest positions of self-play, compactly: what a network learns from in its updates.

Shapes: N positions at once, C capacity, 7 columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.envs.connect_four.bits import BOARD, COLUMNS
from hamlet.errors import CheckpointError, ShapeError
from hamlet.learning.saved_state import OTHER_RUN, check_range, load_tensors, load_whole
from hamlet.learning.supervised_examples import NO_REPLY, Examples

# A share of 16 bits is right to three digits, finer than any visit count of a search this size.
DTYPES = {
    "own": torch.int64,
    "occupied": torch.int64,
    "policy": torch.float16,
    "value": torch.float32,
    "reply": torch.int8,
}


class PositionBuffer:
    """A ring of the newest positions; how many of them count may grow, never shrink.

    Attributes:
        capacity: rows there are. limit: of these, how many are drawn from. filled: how many are
            there now.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = self.limit = capacity
        self.filled = self._cursor = 0
        self._columns = {
            name: torch.zeros((capacity, COLUMNS) if name == "policy" else capacity, dtype=dtype)
            for name, dtype in DTYPES.items()
        }

    def __len__(self) -> int:
        return self.filled

    def add(self, rows: Mapping[str, Tensor]) -> None:
        """Store N positions in their order; the oldest beyond the limit are forgotten.

        Args: rows: own, occupied [N] int64; policy [N, 7], all 0 where there is none to learn;
            value [N]; reply [N], the column that answered or NO_REPLY, which may be left out.
        """
        count = len(rows["own"])
        rows = {"reply": torch.full((count,), NO_REPLY), **rows}
        if count > self.capacity:
            rows = {name: rows[name][count - self.capacity :] for name in DTYPES}
            count = self.capacity
        if any(len(rows[name]) != count for name in DTYPES):
            found = ", ".join(f"{name} {list(rows[name].shape)}" for name in DTYPES)
            raise ShapeError(f"found {found}; expected as many rows of each")
        places = (self._cursor + torch.arange(count)) % self.capacity
        for name, dtype in DTYPES.items():
            self._columns[name][places] = rows[name].to(dtype)
        self._cursor = (self._cursor + count) % self.capacity
        self.filled = min(self.filled + count, self.limit)

    def sample(self, count: int, generator: torch.Generator) -> Examples:
        """Draw positions with replacement, each as likely as any other."""
        return self.newest(torch.randint(self.filled, (count,), generator=generator))

    def newest(self, ages: Tensor) -> Examples:
        """Args: ages: [N] int64; 0 is the position stored last."""
        rows = {name: column[self._places(ages)] for name, column in self._columns.items()}
        policy = rows["policy"].float()
        # Rounding to 16 bits may have moved the sum a little.
        policy /= policy.sum(dim=1, keepdim=True).clamp_min(0.5)
        return Examples(
            rows["own"],
            rows["occupied"],
            policy,
            rows["value"],
            torch.ones(len(ages)),
            rows["reply"].long(),
        )

    def _places(self, ages: Tensor) -> Tensor:
        return (self._cursor - 1 - ages) % self.capacity

    def state_dict(self) -> dict[str, Any]:
        """What is stored, oldest first."""
        places = self._places(torch.arange(self.filled - 1, -1, -1))
        columns = {name: column[places] for name, column in self._columns.items()}
        return {"filled": self.filled, "limit": self.limit, "columns": columns}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if the state does not fit this capacity."""
        limit = load_whole(state["limit"], 1, self.capacity, "limit")
        filled = load_whole(state["filled"], 0, limit, "filled")
        views = {name: column[:filled] for name, column in self._columns.items()}
        load_tensors(views, state["columns"], "columns")
        check_range(views["occupied"], 0, BOARD, "columns.occupied")
        check_range(views["policy"], 0.0, 1.0, "columns.policy")
        check_range(views["value"], -1.0, 1.0, "columns.value")
        check_range(views["reply"], NO_REPLY, COLUMNS - 1, "columns.reply")
        if bool((views["own"] & ~views["occupied"]).any()):
            raise CheckpointError(f"columns.own: stones outside of occupied. {OTHER_RUN}")
        self.limit, self.filled, self._cursor = limit, filled, filled % self.capacity
