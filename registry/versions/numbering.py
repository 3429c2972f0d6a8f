"""Semantic version numbers: what changed between two versions of a model says which part rises.

MAJOR: inputs or outputs changed (names, types, shapes, action names, the layout of what is
observed). MINOR: the same, from another brain spec. PATCH: the same brain with other weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from registry.models import ModelVersion, RegisteredModel
from registry.queries import NUMBER, VERSION_ORDER

PARTS = ("patch", "minor", "major")  # from the lowest
Number3 = tuple[int, int, int]
INTERFACE = ("inputs", "outputs", "layout", "action_names")


def changed_part(newest: ModelVersion, signature: Mapping[str, Any], brain_hash: str) -> str:
    """The part that must rise for a version with this signature."""
    if any(newest.signature.get(name) != signature.get(name) for name in INTERFACE):
        return "major"
    return "patch" if newest.brain_spec_hash == brain_hash else "minor"


def next_number(
    model: RegisteredModel,
    signature: Mapping[str, Any],
    brain_hash: str,
    asked: str | None = None,
) -> Number3:
    """The number after the highest that the model has given out; the first is 1.0.0.

    Where every version was deleted there is nothing to compare with, and the first part rises.

    Args:
        model: as it is under the lock of its row.
        signature: plain data, as it is kept. asked: a part that a person wants to rise.
    Raises: SpecError if that part is lower than what changed, or no part at all.
    """
    if asked is not None and asked not in PARTS:
        message = f"found {describe(asked)}; expected one of {', '.join(PARTS)}"
        raise SpecError([Problem("part", message)])
    highest = read_number(model.highest_number)
    if highest is None:
        return 1, 0, 0
    newest = model.versions.order_by(*VERSION_ORDER).first()
    needed = changed_part(newest, signature, brain_hash) if newest else "patch"
    if asked is not None and PARTS.index(asked) < PARTS.index(needed):
        raise SpecError([Problem("part", why_higher(newest, needed, asked))])
    major, minor, patch = highest
    match asked or (needed if newest else "major"):
        case "major":
            return major + 1, 0, 0
        case "minor":
            return major, minor + 1, 0
        case _:
            return major, minor, patch + 1


def read_number(text: str) -> Number3 | None:
    """Returns: None if it is none."""
    found = NUMBER.fullmatch(text)
    return tuple(map(int, found.groups())) if found else None


def take_number(
    model: RegisteredModel,
    signature: Mapping[str, Any],
    brain_hash: str,
    asked: str | None = None,
) -> Number3:
    """Under the lock of the model's row: `next_number`, which is taken from now on."""
    number = next_number(model, signature, brain_hash, asked)
    keep_highest(model, number)
    return number


def keep_highest(model: RegisteredModel, number: Number3) -> None:
    """Under the lock of the model's row: this number is taken from now on."""
    if number > (read_number(model.highest_number) or (0, 0, 0)):
        model.highest_number = ".".join(map(str, number))
        model.save(update_fields=["highest_number"])


def why_higher(newest: ModelVersion, needed: str, asked: str) -> str:
    changed = "inputs or outputs differ" if needed == "major" else "the brain spec differs"
    return (
        f"found {asked}; expected {needed} or higher, as {changed} from those of {newest.number}. "
        "Leave part out, and the right one is taken"
    )
