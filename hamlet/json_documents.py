"""JSON written by strangers, read without surprises."""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 200  # the state of a trainer may be 64 deep, and its JSON form twice that


def read_json(text: str | bytes) -> Any:
    """JSON without names given twice, without NaN, and nested no deeper than `DEEPEST`.

    Raises: ValueError.
    """
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError(f"nested deeper than {DEEPEST}") from None
    check_depth(data)
    return data


def check_depth(data: Any) -> None:
    """Raises: ValueError for data so deep that what works on it later would run out of stack."""
    level = [data]
    for _ in range(DEEPEST + 1):
        inside: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                inside.extend(node.values())
            elif isinstance(node, list | tuple):
                inside.extend(node)
        if not inside:
            return
        level = inside
    raise ValueError(f"nested deeper than {DEEPEST}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("a name stands twice")
    return mapping


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")
