"""What may stand in the block of a recurrent_spatial brain, and whether an observation fits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from hamlet.brains.blocks import (
    MOST_LAYERS,
    WIDEST_LAYER,
    activation_choice,
    dense_numbers,
    dropout_rate,
    layer_sizes,
)
from hamlet.errors import Problem
from hamlet.layout import Group, ObservationLayout
from hamlet.schema import Integer, ListOf, Section, Tagged

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


def activations(block: dict[str, Any], layout: ObservationLayout) -> dict[str, int]:
    """Numbers that one observation leaves in memory on its way through, by field."""
    lstm, vision = block["lstm"], block["vision_encoder"]
    kept = {
        f"{name}.hidden_sizes": dense_numbers(block[name]["hidden_sizes"])
        for name in (*GROUP_ENCODERS.values(), "q_head")
    }
    # Four gates, two cell states, their tanh and the output.
    kept["lstm.hidden_size"] = 8 * lstm["num_layers"] * lstm["hidden_size"]
    if vision["type"] == "cnn":
        _, rows, columns = grid_planes(layout.group(GRID))
        maps = feature_maps(vision, rows, columns)
        # Each convolution and its activation.
        kept["vision_encoder.channels"] = 2 * sum(math.prod(shape) for shape in maps)
        kept["vision_encoder.output_size"] = dense_numbers([vision["output_size"]])
    return kept
