"""How the arrays of an answer are written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from registry.serving.inputs import Arrays
from registry.serving.targets import Target


def action_names(target: Target, outputs: Arrays) -> list[str] | None:
    names = target.signature.action_names
    if not names or "actions" not in outputs:
        return None
    return [names[action] for action in outputs["actions"].tolist()]


def exact(outputs: Any) -> Any:
    """An array, or arrays by name, as they go into an answer: numbers of float32 are written as
    Python's own floats, all their digits, so that they compare equal to the model's."""
    if type(outputs) is dict:
        return {name: exact(array) for name, array in outputs.items()}
    wide = outputs.dtype == np.float32
    return outputs.astype(np.float64, order="C") if wide else np.ascontiguousarray(outputs)


def encode(data: Mapping[str, Any]) -> bytes:
    """An answer as JSON."""
    return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)


def plain(data: Any) -> Any:
    """An answer as plain data."""
    if isinstance(data, Mapping):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    return data.tolist() if isinstance(data, np.ndarray) else data


def ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
