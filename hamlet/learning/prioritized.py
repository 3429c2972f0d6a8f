"""Prioritised replay: transitions that surprised the learner are drawn more often.

Letters: C capacity, S leaves of the tree (C rounded up to a power of two), B rows at once.
Source: Schaul et al., https://arxiv.org/abs/1511.05952, proportional variant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.layout import ObservationLayout
from hamlet.learning.replay import UniformReplay
from hamlet.learning.saved_state import check_range, load_tensor
from hamlet.learning.transitions import Transitions

SMALLEST_ERROR = 1e-6  # keeps every transition reachable
# What a priority can be for any error and alpha; their sum stays finite.
SMALLEST_PRIORITY, LARGEST_PRIORITY = 1e-7, 1e39


class SumTree:
    """S numbers that can be changed, summed and drawn from in O(log S), a batch at a time.

    Node 1 is the root, node i has the children 2i and 2i + 1, leaf j is node S + j. Each inner
    node holds the sum of its children, computed afresh from them, so rounding never builds up.
    """

    def __init__(self, capacity: int, device: torch.device | str = "cpu") -> None:
        self.depth = max(1, (capacity - 1).bit_length())
        self.leaves = 1 << self.depth
        self.nodes = torch.zeros(2 * self.leaves, dtype=torch.float64, device=device)

    @property
    def total(self) -> Tensor:
        return self.nodes[1]

    def values(self, leaves: Tensor) -> Tensor:
        return self.nodes.index_select(0, leaves + self.leaves)

    def update(self, leaves: Tensor, values: Tensor) -> None:
        """Set [B] leaves. Of a leaf named twice one of the two values stays."""
        nodes = leaves + self.leaves
        self.nodes[nodes] = values.to(torch.float64)
        for _ in range(self.depth):
            nodes = nodes >> 1
            # Parents shared by several leaves are written several times with the same sum.
            self.nodes[nodes] = self.nodes[2 * nodes] + self.nodes[2 * nodes + 1]

    def find(self, positions: Tensor) -> Tensor:
        """The leaves at [B] positions of the running sum, each in [0, total).

        A leaf of value 0 is never found, rounding included.
        """
        nodes = torch.ones_like(positions, dtype=torch.int64)
        rest = positions.to(torch.float64)
        for _ in range(self.depth):
            left, right = self.nodes[2 * nodes], self.nodes[2 * nodes + 1]
            go_right = (rest >= left) & (right > 0)
            rest = torch.where(go_right, rest - left, rest)
            nodes = 2 * nodes + go_right
        return nodes - self.leaves


class PrioritizedReplay(UniformReplay):
    """A ring of C transitions, drawn with probability p / sum(p), p = (|td| + 1e-6) ** alpha."""

    def __init__(
        self,
        capacity: int,
        layout: ObservationLayout,
        device: torch.device | str = "cpu",
        *,
        alpha: float,
    ) -> None:
        super().__init__(capacity, layout, device)
        self.alpha = alpha
        self.tree = SumTree(capacity, device)
        self.highest = torch.ones((), dtype=torch.float64, device=device)

    def add(self, transitions: Transitions) -> Tensor:
        """Store transitions at the highest priority seen so far, so that each is soon drawn."""
        rows = super().add(transitions)
        self.tree.update(rows, self.highest.expand(len(rows)))
        return rows

    def sample_rows(
        self, count: int, generator: torch.Generator, *, beta: float
    ) -> tuple[Tensor, Tensor]:
        """Draw rows, one from each of `count` equal stretches of the running sum.

        Returns: (rows [count], importance weights [count] float32, divided by their maximum).
        """
        drawn = torch.rand(count, generator=generator, dtype=torch.float64, device=self.device)
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
        rows = torch.arange(self.filled, device=self.device)
        return super().state_dict() | {
            "priorities": self.tree.values(rows),
            "highest": self.highest.clone(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        rows = torch.arange(self.filled, device=self.device)
        priorities = torch.zeros(self.filled, dtype=torch.float64, device=self.device)
        load_tensor(priorities, state["priorities"], "priorities")
        load_tensor(self.highest, state["highest"], "highest")
        check_range(priorities, SMALLEST_PRIORITY, LARGEST_PRIORITY, "priorities")
        check_range(self.highest, SMALLEST_PRIORITY, LARGEST_PRIORITY, "highest")
        self.tree.nodes.zero_()
        if self.filled:
            self.tree.update(rows, priorities)
