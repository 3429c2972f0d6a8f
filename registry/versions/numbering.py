"""Semantic version numbers: what changed between two versions of a model says which part rises.

MAJOR: inputs or outputs changed (names, types, shapes, action names, the layout of what is
observed). MINOR: the same, from another brain spec. PATCH: the same brain with other weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from registry.models import ModelVersion

PARTS = ("patch", "minor", "major")  # from the lowest
INTERFACE = ("inputs", "outputs", "layout", "action_names")


def changed_part(newest: ModelVersion, signature: Mapping[str, Any], brain_hash: str) -> str:
    """The part that must rise for a version with this signature."""
    if any(newest.signature.get(name) != signature.get(name) for name in INTERFACE):
        return "major"
    return "patch" if newest.brain_spec_hash == brain_hash else "minor"


def next_number(
    newest: ModelVersion | None,
    signature: Mapping[str, Any],
    brain_hash: str,
    asked: str | None = None,
) -> tuple[int, int, int]:
    """The number after the newest one; the first is 1.0.0.

    Args:
        signature: plain data, as it is kept. asked: a part that a person wants to rise.
    Raises: SpecError if that part is lower than what changed, or no part at all.
    """
    if asked is not None and asked not in PARTS:
        message = f"found {describe(asked)}; expected one of {', '.join(PARTS)}"
        raise SpecError([Problem("part", message)])
    if newest is None:
        return 1, 0, 0
    needed = changed_part(newest, signature, brain_hash)
    if asked is not None and PARTS.index(asked) < PARTS.index(needed):
        raise SpecError([Problem("part", why_higher(newest, needed, asked))])
    match asked or needed:
        case "major":
            return newest.major + 1, 0, 0
        case "minor":
            return newest.major, newest.minor + 1, 0
        case _:
            return newest.major, newest.minor, newest.patch + 1


def why_higher(newest: ModelVersion, needed: str, asked: str) -> str:
    changed = "inputs or outputs differ" if needed == "major" else "the brain spec differs"
    return (
        f"found {asked}; expected {needed} or higher, as {changed} from those of {newest.number}. "
        "Leave part out, and the right one is taken"
    )
