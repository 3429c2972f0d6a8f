"""The language once more, as plainly as Python can say it: one row, one tree, true or false.

Written from the manual and not from the compiler, so that both can be wrong only separately.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from registry.searching.syntax import And, Comparison, Node, Not, Or, Presence, Word

ORDER = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(node: Node, row: Mapping[str, Any]) -> bool:
    """Whether a row, as nested data, satisfies the query. Lists hold several names."""
    if isinstance(node, Not):
        return not holds(node.part, row)
    if isinstance(node, And):
        return all(holds(part, row) for part in node.parts)
    if isinstance(node, Or):
        return any(holds(part, row) for part in node.parts)
    if isinstance(node, Word):
        return node.text.lower() in row["name"].lower()
    found = values_at(row, node.field.parts)
    if isinstance(node, Presence):
        return any(
            value not in (None, "") or node.field.parts[0] in MAPS and value == ""
            for value in found
        )
    return any(compare(node, value) for value in found)


MAPS = ("tags", "metrics", "params")


def values_at(row: Any, parts: tuple[str, ...]) -> list[Any]:
    """What stands there: nothing, one value, or the several names of a row."""
    first, *rest = parts
    if first in ("tags", "metrics"):
        rest = [".".join(rest)]
    found = row.get(first)
    if first == "alias":
        return list(found)
    for part in rest:
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif (
            isinstance(found, list) and part.isascii() and part.isdigit() and int(part) < len(found)
        ):
            found = found[int(part)]
        else:
            return []
    return [] if found is None else [found]


def compare(node: Comparison, found: Any) -> bool:
    wanted = [value.value for value in node.values]
    if node.operator == "IN":
        return any(compare_one("=", found, value) for value in wanted)
    if node.operator == "NOT IN":
        return all(compare_one("!=", found, value) for value in wanted)
    return compare_one(node.operator, found, wanted[0])


def compare_one(sign: str, found: Any, value: Any) -> bool:
    if isinstance(found, bool) or isinstance(value, bool):
        return type(found) is type(value) and ORDER[sign](found, value)
    if isinstance(found, int | float):
        return isinstance(value, Decimal) and ORDER[sign](Decimal(repr(found)), value)
    if not isinstance(found, str) or not isinstance(value, str):
        return False
    if sign in ORDER:
        return ORDER[sign](found, value)
    if "ILIKE" in sign:
        found, value = found.lower(), value.lower()
    return like(value, found) is not sign.startswith("NOT")


def like(pattern: str, text: str) -> bool:
    """SQL's LIKE over every way to split the text, by a table of what matches so far."""
    reached = {0}
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "%":
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
        else:
            if character == "\\":
                at += 1
            literal = None if character == "_" else pattern[at]
            reached = {
                place + 1
                for place in reached
                if place < len(text) and literal in (None, text[place])
            }
        at += 1
    return len(text) in reached
