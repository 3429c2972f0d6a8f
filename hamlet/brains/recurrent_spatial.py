"""Recurrent Q-network for partial views: one encoder per observation group, then an LSTM.

Source: Hausknecht and Stone, https://arxiv.org/abs/1507.06527 (recurrent Q-learning).
Shapes: B batch, D observation, A actions, T time, L recurrent layers, H hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hamlet.brains.blocks import (
    ACTIVATIONS,
    Hidden,
    LstmStack,
    dense_stack,
)
from hamlet.brains.q_network import QBrain
from hamlet.brains.recurrent_spatial_fields import (
    GRID,
    GROUP_ENCODERS,
    feature_maps,
    grid_planes,
)
from hamlet.errors import ShapeError
from hamlet.layout import Group, ObservationLayout

if TYPE_CHECKING:
    from hamlet.brains.spec import BrainSpec


class VisionEncoder(nn.Module):
    """Convolutions over the grid, flattened into [Linear, LayerNorm]."""

    def __init__(self, vision: dict[str, Any], group: Group) -> None:
        super().__init__()
        self.planes = grid_planes(group)
        maps = feature_maps(vision, *self.planes[1:])
        layers: list[nn.Module] = []
        inputs = self.planes[0]
        for (channels, _, _), kernel, stride, padding in zip(
            maps, vision["kernel_sizes"], vision["strides"], vision["padding"], strict=True
        ):
            layers.append(nn.Conv2d(inputs, channels, kernel, stride, padding))
            layers.append(ACTIVATIONS[vision["activation"]]())
            inputs = channels
        channels, rows, columns = maps[-1]
        layers += [
            nn.Flatten(),
            nn.Linear(channels * rows * columns, vision["output_size"]),
            nn.LayerNorm(vision["output_size"]),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, grid: Tensor) -> Tensor:
        return self.layers(grid.unflatten(-1, self.planes))


class RecurrentSpatialBrain(QBrain):
    """Encoders side by side -> LSTM -> LayerNorm -> dense head -> Q-values."""

    is_recurrent = True

    def __init__(self, spec: BrainSpec, layout: ObservationLayout) -> None:
        super().__init__(spec, layout)
        block = spec.block
        self.encoders = nn.ModuleDict()
        width = 0
        if block["vision_encoder"]["type"] == "cnn":
            self.encoders[GRID] = VisionEncoder(block["vision_encoder"], layout.group(GRID))
            width += block["vision_encoder"]["output_size"]
        for name, encoder in GROUP_ENCODERS.items():
            sizes = block[encoder]["hidden_sizes"]
            self.encoders[name] = dense_stack(
                layout.group(name).size, sizes, block[encoder]["activation"]
            )
            width += sizes[-1]
        lstm, head = block["lstm"], block["q_head"]
        size = lstm["hidden_size"]
        self.lstm = LstmStack(width, size, lstm["num_layers"], lstm["dropout"])
        self.norm = nn.LayerNorm(size)
        self.head = nn.Sequential(
            *dense_stack(size, head["hidden_sizes"], head["activation"], layer_norm=True),
            nn.Linear(head["hidden_sizes"][-1], len(layout.actions)),
        )

    @property
    def hidden_shape(self) -> tuple[int, int]:
        """(L, H)."""
        lstm = self.spec.block["lstm"]
        return lstm["num_layers"], lstm["hidden_size"]

    def forward(self, obs: Tensor, hidden: Hidden | None = None) -> tuple[Tensor, Hidden]:
        self.check_observation(obs, 2)
        hidden = self._checked_hidden(hidden, obs.shape[0])
        y, hidden = self.lstm(self._encode(obs).unsqueeze(0), hidden)
        return self._q_values(y.squeeze(0)), hidden

    def unroll(
        self, obs: Tensor, hidden: Hidden | None = None, starts: Tensor | None = None
    ) -> tuple[Tensor, Hidden]:
        """Run a whole sequence, with gradients through all of it.

        Args:
            obs: [T, B, D] float32.
            hidden: before the first step, as `initial_hidden` gives it; None for a fresh one.
            starts: [T, B] bool, true where an episode begins at that step: the row's hidden
                state is cleared before the step.
        Returns: (q_values [T, B, A], hidden after the last step).
        Raises: ShapeError if a shape is another.
        """
        self.check_observation(obs, 3)
        hidden = self._checked_hidden(hidden, obs.shape[1])
        x = self._encode(obs.flatten(0, 1)).unflatten(0, obs.shape[:2])
        outputs = []
        for begin, end in self._stretches(obs, starts):
            if starts is not None:
                fresh = starts[begin].view(1, -1, 1)
                hidden = (hidden[0].masked_fill(fresh, 0.0), hidden[1].masked_fill(fresh, 0.0))
            y, hidden = self.lstm(x[begin:end], hidden)
            outputs.append(y)
        return self._q_values(torch.cat(outputs)), hidden

    @staticmethod
    def _stretches(obs: Tensor, starts: Tensor | None) -> Iterator[tuple[int, int]]:
        """Cut [0, T) where any row starts an episode: inside a piece one LSTM call does all."""
        steps = obs.shape[0]
        if starts is None:
            yield 0, steps
            return
        if starts.shape != obs.shape[:2] or starts.dtype != torch.bool:
            raise ShapeError(
                f"found starts of shape {list(starts.shape)} and type {starts.dtype}; "
                f"expected bool of shape {list(obs.shape[:2])}"
            )
        cuts = [0, *(starts[1:].any(dim=1).nonzero().flatten() + 1).tolist(), steps]
        yield from pairwise(cuts)

    def _encode(self, obs: Tensor) -> Tensor:
        parts = [
            encoder(obs[:, self.layout.group(name).slice])
            for name, encoder in self.encoders.items()
        ]
        return torch.cat(parts, dim=1)

    def _q_values(self, y: Tensor) -> Tensor:
        return self.head(self.norm(y))

    def _checked_hidden(self, hidden: Hidden | None, batch: int) -> Hidden:
        if hidden is None:
            return self.initial_hidden(batch)
        layers, size = self.hidden_shape
        found = [list(part.shape) for part in hidden]
        if found != [[layers, batch, size]] * 2:
            raise ShapeError(
                f"found a hidden state of shapes {found}; expected (h, c), each "
                f"[{layers}, {batch}, {size}]: layers, batch, hidden size"
            )
        return hidden
