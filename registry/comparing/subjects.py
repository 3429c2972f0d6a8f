"""What is compared: one run or one version, as far as a comparison needs to know it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SEED = "seed"


@dataclass(frozen=True)
class Subject:
    """One column of a comparison.

    Attributes:
        key: by which it is asked for. name, url: for people. facts: what else is known, by name.
        parameters: nested, what was chosen. metrics: numbers, what came of it.
    """

    key: str
    name: str
    url: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seed(self) -> int | None:
        found = self.parameters.get(SEED)
        return found if isinstance(found, int) and not isinstance(found, bool) else None


def flatten(data: Mapping[str, Any]) -> dict[str, Any]:
    """Nested parameters by their path, as a query spells it; lists stay whole.

    A stack and no recursion: the depth of stored JSON is not ours to choose.
    """
    found: dict[str, Any] = {}
    waiting: list[tuple[str, Any]] = [("", data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping) and value:
            inner = [(f"{path}.{key}" if path else str(key), value[key]) for key in value]
            waiting += reversed(inner)
        elif path:
            found[path] = value
    return found


def finite(value: Any) -> float | None:
    """The value if it is a number to calculate with."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if number and math.isfinite(value) else None


def spell(value: Any) -> str:
    """A parameter or metric for people; what is missing is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value) if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False)
