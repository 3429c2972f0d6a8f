"""On which line of a YAML text a field stands."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from hamlet.errors import Problem, SpecError
from hamlet.schema import join
from hamlet.yaml_documents import read_yaml

SAID_LINE = re.compile(r"\bline (\d+)")


def line_of(problem: Problem, lines: dict[str, int]) -> int | None:
    """From 1: the line of the field, or of the nearest section around it that is there."""
    # Faults of the YAML itself name their line in words, the last of several being the place.
    if said := SAID_LINE.findall(problem.path) or SAID_LINE.findall(problem.message):
        return int(said[-1])
    path = problem.path
    while path:
        if path in lines:
            return lines[path]
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return None


def lines_of(text: str) -> dict[str, int]:
    """The line of every field by its path, from 1; empty for text that `read_yaml` refuses.

    What it takes is short, flat and without anchors: else composing or walking it may take hours.
    """
    try:
        read_yaml(text)
    except SpecError:
        return {}
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return dict(walk(node, "")) if node is not None else {}


def walk(node: yaml.Node, path: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = join(path, str(key.value))
            yield here, key.start_mark.line + 1
            yield from walk(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            here = f"{path}[{index}]"
            yield here, item.start_mark.line + 1
            yield from walk(item, here)
