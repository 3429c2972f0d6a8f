"""Settings in sections: a mapping of values and of further sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(base: Mapping[str, Any], changes: Any) -> Any:
    """`base` with the fields of `changes` in place of its own, section by section."""
    if not isinstance(changes, Mapping):
        return changes
    result = dict(base)
    for name, value in changes.items():
        own = base.get(name)
        result[name] = merged(own, value) if isinstance(own, Mapping) else value
    return result
