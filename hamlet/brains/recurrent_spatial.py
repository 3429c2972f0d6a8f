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
    MOST_LAYERS,
    WIDEST_LAYER,
    Hidden,
    LstmStack,
    activation_choice,
    dense_stack,
    dropout_rate,
    layer_sizes,
)
from hamlet.brains.q_network import QBrain
from hamlet.errors import Problem, ShapeError
from hamlet.layout import Group, ObservationLayout
from hamlet.schema import Integer, ListOf, Section, Tagged

if TYPE_CHECKING:
    from hamlet.brains.spec import BrainSpec

GRID = "grid"
# Observation group to the block that says how it is encoded.
GROUP_ENCODERS = {
    "position": "position_encoder",
    "meters": "meter_encoder",
    "underfoot": "underfoot_encoder",
    "clock": "clock_encoder",
}
LARGEST_FEATURE_MAP = 2**22  # numbers per observation in one convolution's output


def _one_per_convolution(low: int, high: int, default: list[int]) -> ListOf:
    return ListOf(Integer(low, high), shortest=1, longest=MOST_LAYERS, default=default)


def _lengths_agree(vision: dict[str, Any]) -> Iterator[Problem]:
    expected = len(vision.get("channels", ()))
    for name in ("kernel_sizes", "strides", "padding"):
        found = len(vision.get(name, ()))
        if found != expected:
            message = f"found {found} entries; expected {expected}, one for each of channels"
            yield Problem(name, message)


def _dropout_has_a_place(lstm: dict[str, Any]) -> Iterator[Problem]:
    if lstm["dropout"] > 0 and lstm["num_layers"] == 1:
        message = (
            f"found {lstm['dropout']}; it acts between LSTM layers, so it needs num_layers above 1"
        )
        yield Problem("dropout", message)


def _encoder() -> Section:
    fields = {"hidden_sizes": layer_sizes([32]), "activation": activation_choice()}
    return Section(fields, default={}, refused={"type": "expected mlp, the only type there is"})


FIELDS = {
    "vision_encoder": Tagged(
        "type",
        {
            "cnn": {
                "channels": _one_per_convolution(1, 512, [16, 32]),
                "kernel_sizes": _one_per_convolution(1, 15, [3, 3]),
                "strides": _one_per_convolution(1, 8, [1, 1]),
                "padding": _one_per_convolution(0, 7, [1, 1]),
                "output_size": Integer(1, WIDEST_LAYER, 128),
                "activation": activation_choice(),
            },
            "none": {},
        },
        tag_default="cnn",
        default={},
        rules=(_lengths_agree,),
    ),
    **{block: _encoder() for block in GROUP_ENCODERS.values()},
    "lstm": Section(
        {
            "hidden_size": Integer(1, 2048, 256),
            "num_layers": Integer(1, 4, 1),
            "dropout": dropout_rate(),
        },
        default={},
        rules=(_dropout_has_a_place,),
    ),
    "q_head": Section(
        {"hidden_sizes": layer_sizes([128]), "activation": activation_choice()}, default={}
    ),
}


def grid_planes(group: Group) -> tuple[int, int, int]:
    """[planes, rows, columns] of the grid group; the scalar encoding has no axis for planes."""
    planes, rows, columns = (1, *group.shape) if len(group.shape) == 2 else group.shape
    return planes, rows, columns


def feature_maps(vision: dict[str, Any], rows: int, columns: int) -> list[tuple[int, int, int]]:
    """[channels, rows, columns] after each convolution; not positive where nothing is left."""
    maps = []
    for channels, kernel, stride, padding in zip(
        vision["channels"],
        vision["kernel_sizes"],
        vision["strides"],
        vision["padding"],
        strict=True,
    ):
        rows = (rows + 2 * padding - kernel) // stride + 1
        columns = (columns + 2 * padding - kernel) // stride + 1
        maps.append((channels, rows, columns))
    return maps


def check_layout(block: dict[str, Any], layout: ObservationLayout) -> Iterator[Problem]:
    """What of this block does not fit the observation. Paths are relative to the block."""
    for group in layout.groups:
        if group.name != GRID and group.name not in GROUP_ENCODERS:
            yield Problem(f"{group.name}_encoder", f"nothing here encodes the group {group.name}")
    for name, encoder in GROUP_ENCODERS.items():
        if not layout.has(name):
            yield Problem(encoder, f"the observation has no group {name} to encode")
    if block["vision_encoder"]["type"] == "cnn":
        yield from _check_vision(block["vision_encoder"], layout)


def _check_vision(vision: dict[str, Any], layout: ObservationLayout) -> Iterator[Problem]:
    if not layout.has(GRID) or len(layout.group(GRID).shape) == 1:
        message = "found cnn, but the observation has no grid with rows and columns; use none"
        yield Problem("vision_encoder.type", message)
        return
    _, rows, columns = grid_planes(layout.group(GRID))
    for index, shape in enumerate(feature_maps(vision, rows, columns)):
        if min(shape) < 1:
            message = f"found {vision['kernel_sizes'][index]}; too large for {rows}x{columns} cells"
            yield Problem(f"vision_encoder.kernel_sizes[{index}]", message)
            return
        channels, rows, columns = shape
        if channels * rows * columns > LARGEST_FEATURE_MAP:
            message = (
                f"found {channels}; {channels}x{rows}x{columns} numbers per observation are more "
                f"than {LARGEST_FEATURE_MAP}"
            )
            yield Problem(f"vision_encoder.channels[{index}]", message)


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
