"""MuZero network: it plans with a model of the game that it learned itself.

Three parts work together. The representation turns a board into a latent board, the dynamics
turns a latent board and a move into the next one and the reward, the prediction reads policy and
value from a latent board. Every latent is scaled to [0, 1], row by row of the batch.

Source: Schrittwieser et al. 2020, https://doi.org/10.1038/s41586-020-03051-4, appendix G. It has
no section that says how it learns: that stands in the run's configuration.
Shapes: B batch, C channels, R rows, A columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hamlet.brains.board import POLICY, VALUE, BoardBrain, cells_of
from hamlet.brains.network import CompiledBrain
from hamlet.brains.residual import (
    BoardHead,
    ResidualTrunk,
    head_numbers,
    residual_fields,
    trunk_numbers,
)
from hamlet.layout import ObservationLayout
from hamlet.signature import BATCH, TensorSpec

if TYPE_CHECKING:
    from hamlet.brains.spec import BrainSpec

FIELDS = residual_fields(blocks=3, channels=48)
LATENT, ACTION, NEXT_LATENT, REWARD = "latent", "action", "next_latent", "reward"
NARROWEST = 1e-5  # a latent board whose numbers are all equal becomes 0


def activations(block: dict[str, Any], layout: ObservationLayout) -> dict[str, int]:
    """Numbers that one observation leaves in memory on its way through all parts, by field."""
    cells = cells_of(layout)
    return {
        "blocks": 2 * trunk_numbers(block, cells),
        "head_channels": 3 * head_numbers(block, cells),
    }


class MuZeroBrain(BoardBrain):
    """Answers a board by representation and prediction; the dynamics is for search."""

    def __init__(self, spec: BrainSpec, layout: ObservationLayout) -> None:
        super().__init__(spec, layout)
        block = spec.block
        planes, rows, columns = self.board_shape
        channels, blocks = block["channels"], block["blocks"]
        self.latent_shape = (channels, rows, columns)
        moved = (channels + columns, rows, columns)
        self.representation = ResidualTrunk((planes, rows, columns), channels, blocks, squeeze=True)
        self.transition = ResidualTrunk(moved, channels, blocks, squeeze=True)
        self.reward_head = BoardHead(self.latent_shape, block, 1, tanh=False)
        self.policy_head = BoardHead(self.latent_shape, block, columns, tanh=False)
        self.value_head = BoardHead(self.latent_shape, block, 1, tanh=True)

    def represent(self, planes: Tensor) -> Tensor:
        """[B, 3, R, A] to a latent board [B, C, R, A] in [0, 1]."""
        self.check_planes(planes)
        return scaled(self.representation(planes))

    def dynamics(self, latent: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Play a column on a latent board.

        Args: latent [B, C, R, A]; action [B] int64, a column.
        Returns: (next latent [B, C, R, A] in [0, 1], reward [B, 1] for the side that moved).
        """
        after = scaled(self.transition(torch.cat([latent, self._move_planes(action)], dim=1)))
        return after, self.reward_head(after)

    def predict(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C, R, A] to (policy logits [B, A], value [B, 1]) of the side to move there."""
        return self.policy_head(latent), self.value_head(latent)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        return self.predict(self.represent(planes))

    def _move_planes(self, action: Tensor) -> Tensor:
        """One plane per column, [B, A, R, A]: plane a is 1 in the cells of column a if that is
        the move, so that the convolutions see where the stone falls."""
        _, rows, columns = self.latent_shape
        numbers = torch.arange(columns, device=action.device)
        chosen = (action[:, None] == numbers).float()  # [B, A]
        own_column = (numbers[:, None] == numbers).float()  # [A, A]
        planes = chosen[:, :, None, None] * own_column[None, :, None, :]
        return planes.expand(-1, -1, rows, -1)

    def parts(self) -> dict[str, CompiledBrain]:
        """The parts as models of their own, for search in another engine. They share weights."""
        return {
            "representation": Representation(self),
            "dynamics": Dynamics(self),
            "prediction": Prediction(self),
        }


def scaled(latent: Tensor) -> Tensor:
    """Stretch each latent board to [0, 1], the range of the moves that are laid beside it."""
    lowest = latent.amin(dim=(1, 2, 3), keepdim=True)
    width = latent.amax(dim=(1, 2, 3), keepdim=True) - lowest
    return (latent - lowest) / width.clamp_min(NARROWEST)


class MuZeroPart(CompiledBrain):
    """One part of a MuZero network, asked by name."""

    def __init__(self, whole: MuZeroBrain) -> None:
        super().__init__(whole.spec, whole.layout)
        self.whole: nn.Module = whole

    def _latent(self, name: str) -> TensorSpec:
        return TensorSpec(name, "float32", (BATCH, *self.whole.latent_shape))


class Representation(MuZeroPart):
    def input_specs(self) -> tuple[TensorSpec, ...]:
        return self.whole.input_specs()

    def output_specs(self) -> tuple[TensorSpec, ...]:
        return (self._latent(LATENT),)

    def answer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {LATENT: self.whole.represent(inputs["input"])}


class Dynamics(MuZeroPart):
    def input_specs(self) -> tuple[TensorSpec, ...]:
        return (self._latent(LATENT), TensorSpec(ACTION, "int64", (BATCH,)))

    def output_specs(self) -> tuple[TensorSpec, ...]:
        return (self._latent(NEXT_LATENT), TensorSpec(REWARD, "float32", (BATCH, 1)))

    def answer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        latent, reward = self.whole.dynamics(inputs[LATENT], inputs[ACTION])
        return {NEXT_LATENT: latent, REWARD: reward}


class Prediction(MuZeroPart):
    def input_specs(self) -> tuple[TensorSpec, ...]:
        return (self._latent(LATENT),)

    def output_specs(self) -> tuple[TensorSpec, ...]:
        return self.whole.output_specs()

    def answer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        policy, value = self.whole.predict(inputs[LATENT])
        return {POLICY: policy, VALUE: value}
