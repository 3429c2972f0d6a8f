"""Q-network of a board: a residual trunk, and value and advantage streams apart.

Sources: Wang et al., https://arxiv.org/abs/1511.06581, equation 9 (dueling streams). It has no
section that says how it learns: that stands in the run's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hamlet.brains.alphazero import activations
from hamlet.brains.board import BoardBrain, open_columns
from hamlet.brains.residual import BoardHead, ResidualTrunk, residual_fields
from hamlet.layout import ObservationLayout
from hamlet.schema import Number

if TYPE_CHECKING:
    from hamlet.brains.spec import BrainSpec

__all__ = ["FIELDS", "BoardDqnBrain", "activations"]

FIELDS = {
    **residual_fields(blocks=4, channels=64),
    # Values lie in [-1, 1], so a gap of 0.2 between two columns is a factor of e^2 in the policy.
    "temperature": Number(0.0, 10.0, 0.1, above=True),
}


class BoardDqnBrain(BoardBrain):
    """Trunk -> Q = V + A - mean(A). The policy is Q / temperature, the value the best Q of a
    column that is not full, within [-1, 1]; 0 on a full board."""

    def __init__(self, spec: BrainSpec, layout: ObservationLayout) -> None:
        super().__init__(spec, layout)
        block = spec.block
        planes, rows, columns = self.board_shape
        seen = (block["channels"], rows, columns)
        self.trunk = ResidualTrunk(
            (planes, rows, columns), block["channels"], block["blocks"], squeeze=False
        )
        self.value_head = BoardHead(seen, block, 1, tanh=False)
        self.advantage_head = BoardHead(seen, block, columns, tanh=False)

    def q_values(self, planes: Tensor) -> Tensor:
        """[B, A] what each column is worth to the side to move, full columns included."""
        self.check_planes(planes)
        seen = self.trunk(planes)
        advantage = self.advantage_head(seen)
        return self.value_head(seen) + advantage - advantage.mean(dim=1, keepdim=True)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        q_values = self.q_values(planes)
        legal = open_columns(planes)
        lowest = torch.finfo(q_values.dtype).min
        best = q_values.masked_fill(~legal, lowest).amax(dim=1, keepdim=True)
        value = torch.where(legal.any(dim=1, keepdim=True), best, torch.zeros_like(best))
        return q_values / self.spec.block["temperature"], value.clamp(-1.0, 1.0)
