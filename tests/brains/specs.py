"""Small brain specs, and how to change one field of one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hamlet.brains import FAMILIES, BrainSpec, QBrain

# Those that value the actions of a flat observation, as in the town.
Q_FAMILIES = tuple(name for name, row in FAMILIES.items() if issubclass(row.network, QBrain))

SMALL: dict[str, dict[str, Any]] = {
    "feedforward": {
        "architecture": {"type": "feedforward", "feedforward": {"hidden_layers": [16, 8]}}
    },
    "dueling": {
        "architecture": {
            "type": "dueling",
            "dueling": {
                "shared_layers": [16, 8],
                "value_stream": {"hidden_layers": [8]},
                "advantage_stream": {"hidden_layers": [8]},
            },
        }
    },
    "recurrent_spatial": {
        "architecture": {
            "type": "recurrent_spatial",
            "recurrent_spatial": {
                "vision_encoder": {"channels": [4, 4], "output_size": 8},
                "position_encoder": {"hidden_sizes": [4]},
                "meter_encoder": {"hidden_sizes": [4]},
                "underfoot_encoder": {"hidden_sizes": [4]},
                "clock_encoder": {"hidden_sizes": [4]},
                "lstm": {"hidden_size": 12},
                "q_head": {"hidden_sizes": [8]},
            },
        }
    },
}


def small(family: str, **changes: Any) -> BrainSpec:
    """A small brain; each change is a path with __ for dots."""
    return changed(SMALL[family], {key.replace("__", "."): new for key, new in changes.items()})


def changed(data: dict[str, Any], changes: dict[str, Any]) -> BrainSpec:
    return BrainSpec.from_data(with_changes(data, changes))


def with_changes(data: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    data = copy.deepcopy(data)
    for path, value in changes.items():
        *sections, last = path.split(".")
        place = data
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = copy.deepcopy(value)
    return data


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field of a spec that is no section, with its path."""
    for name, value in data.items():
        here = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            yield from leaves(value, here)
        else:
            yield here, value
