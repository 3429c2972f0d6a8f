"""Feedforward Q-network: dense layers from the whole observation to one value per action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from hamlet.brains.blocks import (
    Hidden,
    activation_choice,
    dense_numbers,
    dense_stack,
    dropout_rate,
    layer_sizes,
)
from hamlet.brains.q_network import QBrain
from hamlet.layout import ObservationLayout
from hamlet.schema import Flag

if TYPE_CHECKING:
    from hamlet.brains.spec import BrainSpec

FIELDS = {
    "hidden_layers": layer_sizes([256, 128]),
    "activation": activation_choice(),
    "dropout": dropout_rate(),
    "layer_norm": Flag(True),
}


def activations(block: dict[str, Any], layout: ObservationLayout) -> dict[str, int]:
    """Numbers that one observation leaves in memory on its way through, by field."""
    return {"hidden_layers": dense_numbers(block["hidden_layers"])}


class FeedforwardBrain(QBrain):
    """[Linear, LayerNorm, activation] per hidden layer, then Linear to the Q-values."""

    def __init__(self, spec: BrainSpec, layout: ObservationLayout) -> None:
        super().__init__(spec, layout)
        block = spec.block
        self.body = dense_stack(
            layout.size,
            block["hidden_layers"],
            block["activation"],
            layer_norm=block["layer_norm"],
            dropout=block["dropout"],
        )
        self.head = nn.Linear(block["hidden_layers"][-1], len(layout.actions))

    def forward(self, obs: Tensor, hidden: Hidden | None = None) -> tuple[Tensor, None]:
        self.check_observation(obs, 2)
        self.refuse_hidden(hidden)
        return self.head(self.body(obs)), None
