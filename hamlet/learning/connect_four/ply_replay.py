"""Prioritised replay of plies, 50 bytes each: positions are kept as bitboards.

Shapes: C capacity, B rows at once.
Source: Schaul et al., https://arxiv.org/abs/1511.05952, proportional variant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from hamlet.envs.connect_four.bits import BOARD, CELLS, COLUMNS
from hamlet.errors import CheckpointError
from hamlet.learning.connect_four.ply_fold import Plies
from hamlet.learning.prioritized import (
    LARGEST_PRIORITY,
    SMALLEST_ERROR,
    SMALLEST_PRIORITY,
    SumTree,
)
from hamlet.learning.saved_state import (
    OTHER_RUN,
    check_range,
    cloned,
    load_tensor,
    load_tensors,
    load_whole,
)

DTYPES = {
    "own": torch.int64,
    "occupied": torch.int64,
    "columns": torch.int8,
    "rewards": torch.float32,
    "steps": torch.int8,
    "ended": torch.bool,
    "next_own": torch.int64,
    "next_occupied": torch.int64,
    "weights": torch.float32,
}
WHOLE = {"columns": torch.int64, "steps": torch.int64}  # as what they are used
BOUNDS = {
    "occupied": (0, BOARD),
    "columns": (0, COLUMNS - 1),
    "rewards": (-1, 1),
    "steps": (1, CELLS),
    "next_occupied": (0, BOARD),
    "weights": (0, 1e30),
}


class PlyReplay:
    """A ring of C transitions, drawn with probability p / sum(p), p = (|td| + 1e-6) ** alpha."""

    def __init__(self, capacity: int, alpha: float, device: torch.device | str = "cpu") -> None:
        self.capacity, self.alpha, self.device = capacity, alpha, torch.device(device)
        self.filled = self.cursor = 0
        self._columns = {
            name: torch.zeros(capacity, dtype=dtype, device=device)
            for name, dtype in DTYPES.items()
        }
        self.tree = SumTree(capacity, device)
        self.highest = torch.ones((), dtype=torch.float64, device=device)

    def __len__(self) -> int:
        return self.filled

    def add(self, plies: Plies) -> None:
        """Store transitions at the highest priority so far; of more than C the last C."""
        count = min(len(plies), self.capacity)
        rows = (self.cursor + torch.arange(count, device=self.device)) % self.capacity
        for name, column in self._columns.items():
            given = getattr(plies, name)
            column[rows] = given[len(given) - count :].to(column.dtype)
        self.cursor = (self.cursor + count) % self.capacity
        self.filled = min(self.filled + count, self.capacity)
        if count:
            self.tree.update(rows, self.highest.expand(count))

    def rows(self, rows: Tensor) -> Plies:
        """The transitions that stand in B rows."""
        taken = {
            name: column[rows].to(WHOLE.get(name, column.dtype))
            for name, column in self._columns.items()
        }
        return Plies(**taken)

    def sample_rows(
        self, count: int, generator: torch.Generator, *, beta: float
    ) -> tuple[Tensor, Tensor]:
        """Draw rows, one from each of `count` equal stretches of the running sum.

        Args: generator: on the CPU.
        Returns: (rows [count], importance weights [count] float32, divided by their maximum).
        """
        drawn = torch.rand(count, generator=generator, dtype=torch.float64).to(self.device)
        stretches = torch.arange(count, dtype=torch.float64, device=self.device)
        rows = self.tree.find((stretches + drawn) / count * self.tree.total)
        weights = (self.tree.values(rows) / self.tree.total * self.filled) ** -beta
        return rows, (weights / weights.max()).to(torch.float32)

    def update_priorities(self, rows: Tensor, td_errors: Tensor) -> None:
        """Set the priorities of [B] rows from their newest temporal-difference errors."""
        priorities = (td_errors.abs().to(torch.float64) + SMALLEST_ERROR) ** self.alpha
        self.tree.update(rows, priorities)
        self.highest = torch.maximum(self.highest, priorities.max())

    def state_dict(self) -> dict[str, Any]:
        """Everything stored so far; rows never written are left out."""
        rows = torch.arange(self.filled, device=self.device)
        return {
            "filled": self.filled,
            "cursor": self.cursor,
            "columns": cloned({n: column[: self.filled] for n, column in self._columns.items()}),
            "priorities": self.tree.values(rows),
            "highest": self.highest.clone(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        filled = load_whole(state["filled"], 0, self.capacity, "filled")
        cursor = load_whole(state["cursor"], 0, self.capacity - 1, "cursor")
        views = {name: column[:filled] for name, column in self._columns.items()}
        load_tensors(views, state["columns"], "columns")
        check_plies(views)
        priorities = torch.zeros(filled, dtype=torch.float64, device=self.device)
        load_tensor(priorities, state["priorities"], "priorities")
        load_tensor(self.highest, state["highest"], "highest")
        check_range(priorities, SMALLEST_PRIORITY, LARGEST_PRIORITY, "priorities")
        check_range(self.highest, SMALLEST_PRIORITY, LARGEST_PRIORITY, "highest")
        self.filled, self.cursor = filled, cursor
        self.tree.nodes.zero_()
        if filled:
            self.tree.update(torch.arange(filled, device=self.device), priorities)


def check_plies(columns: Mapping[str, Tensor]) -> None:
    """Raises: CheckpointError where no run can have stored what is there."""
    names = {field.name for field in fields(Plies)}
    for name in names & set(BOUNDS):
        check_range(columns[name], *BOUNDS[name], f"columns.{name}")
    for own, occupied in (("own", "occupied"), ("next_own", "next_occupied")):
        if bool((columns[own] & ~columns[occupied]).any()):
            raise CheckpointError(f"columns.{own}: stones outside of {occupied}. {OTHER_RUN}")
