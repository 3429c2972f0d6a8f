"""Dueling Q-network: how good the situation is, and how much better each action, apart.

Source: Wang et al., https://arxiv.org/abs/1511.06581, equation 9.
"""

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
from hamlet.schema import Flag, Section

if TYPE_CHECKING:
    from hamlet.brains.spec import BrainSpec

FIELDS = {
    "shared_layers": layer_sizes([256, 128]),
    "value_stream": Section({"hidden_layers": layer_sizes([128])}, default={}),
    "advantage_stream": Section({"hidden_layers": layer_sizes([128])}, default={}),
    "activation": activation_choice(),
    "dropout": dropout_rate(),
    "layer_norm": Flag(True),
}


def activations(block: dict[str, Any], layout: ObservationLayout) -> dict[str, int]:
    """Numbers that one observation leaves in memory on its way through, by field."""
    streams = ("value_stream", "advantage_stream")
    return {
        "shared_layers": dense_numbers(block["shared_layers"]),
        **{
            f"{name}.hidden_layers": dense_numbers(block[name]["hidden_layers"]) for name in streams
        },
    }


class DuelingBrain(QBrain):
    """A shared part, then a value and an advantage stream: Q = V + A - mean(A).

    `layer_norm` acts in the shared part alone, `dropout` in the shared part and both streams.
    """

    def __init__(self, spec: BrainSpec, layout: ObservationLayout) -> None:
        super().__init__(spec, layout)
        block = spec.block
        self.shared = dense_stack(
            layout.size,
            block["shared_layers"],
            block["activation"],
            layer_norm=block["layer_norm"],
            dropout=block["dropout"],
        )
        self.value = self._stream(block, "value_stream", 1)
        self.advantage = self._stream(block, "advantage_stream", len(layout.actions))

    @staticmethod
    def _stream(block: dict, name: str, outputs: int) -> nn.Sequential:
        sizes = block[name]["hidden_layers"]
        hidden = dense_stack(
            block["shared_layers"][-1], sizes, block["activation"], dropout=block["dropout"]
        )
        return nn.Sequential(*hidden, nn.Linear(sizes[-1], outputs))

    def forward(self, obs: Tensor, hidden: Hidden | None = None) -> tuple[Tensor, None]:
        self.check_observation(obs, 2)
        self.refuse_hidden(hidden)
        shared = self.shared(obs)
        advantage = self.advantage(shared)
        return self.value(shared) + advantage - advantage.mean(dim=1, keepdim=True), None
