"""camelCase and snake_case: both are read, one is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hamlet.errors import Problem
from hamlet.schema import join

HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


def snake_cased(data: Any, path: str, problems: list[Problem]) -> Any:
    """The same data with every field name in snake_case, at any depth.

    Args: problems: gets fields that stand there under both of their names.
    """
    if isinstance(data, list):
        return [snake_cased(item, f"{path}[{i}]", problems) for i, item in enumerate(data)]
    if not isinstance(data, Mapping):
        return data
    renamed: dict[Any, Any] = {}
    for name, value in data.items():
        plain = snake(name) if isinstance(name, str) else name
        if plain in renamed:
            message = f"given twice: {plain} and its camelCase name; keep one of them"
            problems.append(Problem(join(path, name), message))
        renamed[plain] = snake_cased(value, join(path, name), problems)
    return renamed


def snake(name: str) -> str:
    """`numResBlocks` -> `num_res_blocks`"""
    return HUMP.sub(lambda match: f"_{match.group(1).lower()}", name)
