"""Uniform replay: the last `capacity` transitions, each as likely as any other.

Letters: C capacity, B rows at once, A actions.
Source: Mnih et al. 2015, https://doi.org/10.1038/nature14236, "experience replay".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.errors import CheckpointError, ShapeError
from hamlet.layout import ObservationLayout
from hamlet.learning.observation_store import ObservationStore
from hamlet.learning.saved_state import below, check_range, cloned, load_tensors, load_whole
from hamlet.learning.transitions import Transitions

LARGEST_REWARD = 1e30  # finite, whatever a level and its weights make of it
MOST_STEPS = 64  # of n-step learning


class UniformReplay:
    """A ring of C transitions; when it is full, the oldest are overwritten."""

    def __init__(
        self, capacity: int, layout: ObservationLayout, device: torch.device | str = "cpu"
    ) -> None:
        self.capacity = capacity
        self.filled = 0
        self.cursor = 0
        self.device = torch.device(device)
        self._observations = ObservationStore(capacity, layout, device)
        self._next_observations = ObservationStore(capacity, layout, device)
        self._batch: Tensor | None = None
        masks = (capacity, len(layout.actions))
        self._columns = {
            "masks": torch.zeros(masks, dtype=torch.bool, device=device),
            "actions": torch.zeros(capacity, dtype=torch.int64, device=device),
            "extrinsic": torch.zeros(capacity, device=device),
            "intrinsic": torch.zeros(capacity, device=device),
            "shaping": torch.zeros(capacity, device=device),
            "terminated": torch.zeros(capacity, dtype=torch.bool, device=device),
            "truncated": torch.zeros(capacity, dtype=torch.bool, device=device),
            "next_masks": torch.zeros(masks, dtype=torch.bool, device=device),
            "steps": torch.zeros(capacity, dtype=torch.int64, device=device),
            "env_rows": torch.zeros(capacity, dtype=torch.int64, device=device),
        }

    def __len__(self) -> int:
        return self.filled

    def add(self, transitions: Transitions) -> Tensor:
        """Store B transitions, at most C. Returns: [B] the rows they now stand in."""
        count = len(transitions)
        if count > self.capacity:
            raise ShapeError(f"found {count} transitions; expected at most {self.capacity}")
        rows = torch.arange(self.cursor, self.cursor + count, device=self.device) % self.capacity
        fits = self.cursor + count <= self.capacity
        # A slice is one copy; scattered rows are one each.
        where = slice(self.cursor, self.cursor + count) if fits else rows
        self._observations.write(where, transitions.observations)
        self._next_observations.write(where, transitions.next_observations)
        for name, column in self._columns.items():
            column[where] = getattr(transitions, name)
        self.cursor = (self.cursor + count) % self.capacity
        self.filled = min(self.filled + count, self.capacity)
        return rows

    def rows(self, rows: Tensor) -> Transitions:
        """The transitions that stand in B rows.

        Their observations are written over by the next call for as many rows: memory for a large
        batch, taken afresh each time, would cost more than copying it.
        """
        if self._batch is None or self._batch.shape[1] != len(rows):
            shape = (2, len(rows), self._observations.size)
            self._batch = torch.empty(shape, device=self.device)
        return Transitions(
            observations=self._observations.read(rows, out=self._batch[0]),
            next_observations=self._next_observations.read(rows, out=self._batch[1]),
            **{name: column.index_select(0, rows) for name, column in self._columns.items()},
        )

    def sample(self, count: int, generator: torch.Generator) -> Transitions:
        """Draw `count` transitions with replacement. See `rows` for how long they last."""
        drawn = torch.randint(self.filled, (count,), generator=generator, device=self.device)
        return self.rows(drawn)

    def state_dict(self) -> dict[str, Any]:
        """Everything stored so far; rows never written are left out."""
        filled = {name: column[: self.filled] for name, column in self._columns.items()}
        return {
            "filled": self.filled,
            "cursor": self.cursor,
            "observations": self._observations.state_dict(self.filled),
            "next_observations": self._next_observations.state_dict(self.filled),
            "columns": cloned(filled),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if the state does not fit this capacity or layout."""
        filled = load_whole(state["filled"], 0, self.capacity, "filled")
        cursor = load_whole(state["cursor"], 0, self.capacity - 1, "cursor")
        if filled < self.capacity and cursor != filled:
            raise CheckpointError(f"cursor: found {cursor}; expected {filled}, as it is not full")
        for name, store in (
            ("observations", self._observations),
            ("next_observations", self._next_observations),
        ):
            with below(name):
                store.load_state_dict(state[name], filled)
        views = {name: column[:filled] for name, column in self._columns.items()}
        load_tensors(views, state["columns"], "columns")
        check_columns(views, self._columns["next_masks"].shape[1], "columns")
        self.filled, self.cursor = filled, cursor

    def check_environments(self, count: int) -> None:
        """Raises: CheckpointError if a stored row came from none of `count` environments."""
        rows = self._columns["env_rows"][: self.filled]
        check_range(rows, 0, count - 1, "columns.env_rows")

    @staticmethod
    def bytes_per_transition(layout: ObservationLayout) -> int:
        return 2 * (ObservationStore.bytes_per_row(layout) + len(layout.actions)) + 38


def check_columns(columns: Mapping[str, Tensor], actions: int, name: str) -> None:
    """Look for numbers that no run can have stored: a bad index would fail long after loading.

    Raises: CheckpointError naming the column.
    """
    check_range(columns["actions"], 0, actions - 1, f"{name}.actions")
    for stream in ("extrinsic", "intrinsic", "shaping"):
        check_range(columns[stream], -LARGEST_REWARD, LARGEST_REWARD, f"{name}.{stream}")
    if "steps" in columns:
        check_range(columns["steps"], 1, MOST_STEPS, f"{name}.steps")
