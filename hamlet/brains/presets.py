"""Sizes of board networks: `small` learns on two cores, `large` is the published size."""

from __future__ import annotations

from typing import Any

from hamlet.brains.spec import BrainSpec
from hamlet.errors import Problem, SpecError
from hamlet.schema import describe, hint

SMALL, LARGE = "small", "large"

# What differs from the defaults of the family, which are those of `small`.
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "alphazero": {SMALL: {}, LARGE: {"blocks": 19, "channels": 256}},
    "muzero": {SMALL: {}, LARGE: {"blocks": 16, "channels": 256}},
    "transformer": {
        SMALL: {},
        LARGE: {"layers": 12, "width": 512, "heads": 8, "feedforward": 2048},
    },
    "ppo": {SMALL: {}, LARGE: {"blocks": 10, "channels": 128}},
    "dqn": {SMALL: {}, LARGE: {"blocks": 10, "channels": 128}},
    "ensemble": {
        SMALL: {},
        LARGE: {
            "members": [
                {
                    "architecture": {
                        "type": "alphazero",
                        "alphazero": {"blocks": 19, "channels": 256},
                    }
                },
                {"architecture": {"type": "ppo", "ppo": {"blocks": 10, "channels": 128}}},
            ]
        },
    },
}
BOARD_TYPES = tuple(PRESETS)


def preset(model_type: str, size: str = SMALL) -> BrainSpec:
    """The brain spec of a model type in one of its sizes.

    Raises: SpecError for a type or size that there is not.
    """
    for path, value, known in (
        ("model_type", model_type, BOARD_TYPES),
        ("size", size, (SMALL, LARGE)),
    ):
        if not isinstance(value, str) or value not in known:
            message = f"found {describe(value)}; expected one of {', '.join(known)}"
            raise SpecError([Problem(path, message + hint(value, known))])
    block = PRESETS[model_type][size]
    return BrainSpec.from_data({"architecture": {"type": model_type, model_type: block}})
