"""AlphaZero network: a residual trunk with squeeze and excitation, a policy and a value head.

Sources: Silver et al. 2018, https://doi.org/10.1126/science.aar6404; the blocks are those of
`hamlet.brains.residual`. It has no section that says how it learns: that stands in the run's
configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from hamlet.brains.board import BoardBrain, cells_of
from hamlet.brains.residual import (
    BoardHead,
    ResidualTrunk,
    head_numbers,
    residual_fields,
    trunk_numbers,
)
from hamlet.layout import ObservationLayout

if TYPE_CHECKING:
    from hamlet.brains.spec import BrainSpec

FIELDS = residual_fields(blocks=5, channels=64)


def activations(block: dict[str, Any], layout: ObservationLayout) -> dict[str, int]:
    """Numbers that one observation leaves in memory on its way through, by field."""
    cells = cells_of(layout)
    return {
        "blocks": trunk_numbers(block, cells),
        "head_channels": 2 * head_numbers(block, cells),
    }


class AlphaZeroBrain(BoardBrain):
    """Trunk -> policy logits, and trunk -> value."""

    squeeze = True

    def __init__(self, spec: BrainSpec, layout: ObservationLayout) -> None:
        super().__init__(spec, layout)
        block = spec.block
        planes, rows, columns = self.board_shape
        seen = (block["channels"], rows, columns)
        self.trunk = ResidualTrunk(
            (planes, rows, columns), block["channels"], block["blocks"], squeeze=self.squeeze
        )
        self.policy_head = BoardHead(seen, block, columns, tanh=False)
        self.value_head = BoardHead(seen, block, 1, tanh=True)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        self.check_planes(planes)
        seen = self.trunk(planes)
        return self.policy_head(seen), self.value_head(seen)
