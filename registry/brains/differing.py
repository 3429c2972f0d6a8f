"""How two brain specs differ: in what they mean, and in what is written."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registry.models import BrainSpec

MOST_LINES = 2000  # of either text; the comparison's time grows with the square
ABSENT = object()


@dataclass(frozen=True)
class FieldDifference:
    """A field in which two specs differ once defaults are written out; `ABSENT` on the side of a
    spec that has no such field."""

    path: str
    left: Any
    right: Any

    @property
    def shown(self) -> tuple[str, str]:
        """Both as text; empty where absent."""
        return spelt(self.left), spelt(self.right)

    def to_data(self) -> dict[str, Any]:
        sides = {"left": self.left, "right": self.right}
        return {"path": self.path} | {k: v for k, v in sides.items() if v is not ABSENT}


@dataclass(frozen=True)
class Line:
    """One line of the text difference: its kind and its numbers in both texts."""

    kind: str
    left: int | None
    right: int | None
    text: str


def spelt(value: Any) -> str:
    return "" if value is ABSENT else json.dumps(value, ensure_ascii=False)


def field_differences(left: BrainSpec, right: BrainSpec) -> list[FieldDifference]:
    """Those whose values differ, in the order of the left spec, then what only the right has."""
    ours, theirs = dict(leaves(left.data)), dict(leaves(right.data))
    paths = dict.fromkeys([*ours, *theirs])
    found = [FieldDifference(p, ours.get(p, ABSENT), theirs.get(p, ABSENT)) for p in paths]
    return [one for one in found if one.left != one.right]


def leaves(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        here = f"{path}.{name}" if path else name
        if isinstance(value, Mapping) and value:
            yield from leaves(value, here)
        else:
            yield here, value


def too_long(left: BrainSpec, right: BrainSpec) -> bool:
    return any(brain.yaml_text.count("\n") >= MOST_LINES for brain in (left, right))


def text_difference(left: BrainSpec, right: BrainSpec) -> str:
    """A unified difference of the texts, as `diff -u` writes it; empty where they are the same,
    or too long to be compared."""
    if too_long(left, right):
        return ""
    lines = difflib.unified_diff(
        left.yaml_text.splitlines(),
        right.yaml_text.splitlines(),
        fromfile=f"{left.name}.yaml",
        tofile=f"{right.name}.yaml",
        lineterm="",
    )
    return "\n".join(lines)


def text_lines(left: BrainSpec, right: BrainSpec) -> list[Line]:
    """Every line of both texts, the same ones once; empty where they are too long."""
    if too_long(left, right):
        return []
    ours, theirs = left.yaml_text.splitlines(), right.yaml_text.splitlines()
    matcher = difflib.SequenceMatcher(a=ours, b=theirs, autojunk=True)
    found: list[Line] = []
    for tag, a, a_end, b, b_end in matcher.get_opcodes():
        if tag == "equal":
            pairs = zip(range(a, a_end), range(b, b_end), strict=True)
            found += [Line("same", i + 1, j + 1, ours[i]) for i, j in pairs]
            continue
        found += [Line("removed", i + 1, None, ours[i]) for i in range(a, a_end)]
        found += [Line("added", None, j + 1, theirs[j]) for j in range(b, b_end)]
    return found
