"""What each number of a flat observation means. Everybody reads positions from here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hamlet.errors import Problem, ShapeError, SpecError
from hamlet.schema import Choice, Integer, ListOf, Section, Text, content_hash, validate

NAME = r"[A-Za-z][A-Za-z0-9_]{0,39}"
MAX_OBSERVATION = 1_000_000

LAYOUT_SCHEMA = Section(
    {
        "groups": ListOf(
            Section(
                {
                    "name": Text(pattern=NAME, shape="a name"),
                    "start": Integer(0, MAX_OBSERVATION),
                    "stop": Integer(1, MAX_OBSERVATION),
                    "shape": ListOf(Integer(1, MAX_OBSERVATION), shortest=1, longest=3),
                }
            ),
            shortest=1,
            longest=32,
        ),
        "grid_encoding": Choice("planes", "scalar", optional=True),
        "affordances": ListOf(Text(pattern=NAME, shape="a name"), unique=True),
        "meters": ListOf(Text(pattern=NAME, shape="a name"), unique=True),
        "actions": ListOf(Text(pattern=NAME, shape="a name"), shortest=1, unique=True),
    }
)


@dataclass(frozen=True)
class Group:
    """A named stretch [start, stop) of the observation, with the shape it folds into."""

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return self.stop - self.start

    @property
    def slice(self) -> slice:
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class ObservationLayout:
    """Names and places of everything an observation holds, and of the actions that answer it.

    Stored in every checkpoint: a model whose layout differs from the environment's is refused,
    since a shifted slice would give answers that look right and are not.
    """

    groups: tuple[Group, ...]
    grid_encoding: str | None
    affordances: tuple[str, ...]
    meters: tuple[str, ...]
    actions: tuple[str, ...]

    def __post_init__(self) -> None:
        expected = 0
        for group in self.groups:
            if group.start != expected or group.size != math.prod(group.shape):
                message = (
                    f"stands at {group.start}:{group.stop} with shape {list(group.shape)}; "
                    f"expected it to start at {expected} and to hold as many numbers as its shape"
                )
                raise SpecError([Problem(f"layout.groups.{group.name}", message)])
            expected = group.stop

    @property
    def size(self) -> int:
        return self.groups[-1].stop

    def group(self, name: str) -> Group:
        for group in self.groups:
            if group.name == name:
                return group
        names = ", ".join(group.name for group in self.groups)
        raise ShapeError(f"this layout has no group {name}; it has {names}")

    def has(self, name: str) -> bool:
        return any(group.name == name for group in self.groups)

    def to_data(self) -> dict[str, Any]:
        return {
            "groups": [
                {"name": g.name, "start": g.start, "stop": g.stop, "shape": list(g.shape)}
                for g in self.groups
            ],
            "grid_encoding": self.grid_encoding,
            "affordances": list(self.affordances),
            "meters": list(self.meters),
            "actions": list(self.actions),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ObservationLayout:
        """Raises: SpecError naming every fault."""
        read = validate(LAYOUT_SCHEMA, data, "layout")
        return cls(
            groups=tuple(
                Group(g["name"], g["start"], g["stop"], tuple(g["shape"])) for g in read["groups"]
            ),
            grid_encoding=read["grid_encoding"],
            affordances=tuple(read["affordances"]),
            meters=tuple(read["meters"]),
            actions=tuple(read["actions"]),
        )

    @cached_property
    def hash(self) -> str:
        return content_hash(self.to_data())

    def differences(self, other: ObservationLayout) -> list[str]:
        """One sentence for each group or vocabulary in which `other` is not the same."""
        mine = {group.name: group for group in self.groups}
        theirs = {group.name: group for group in other.groups}
        found = []
        for name in dict.fromkeys([*mine, *theirs]):
            if mine.get(name) != theirs.get(name):
                found.append(
                    f"group {name}: {spell(mine.get(name))} against {spell(theirs.get(name))}"
                )
        for name in ("grid_encoding", "affordances", "meters", "actions"):
            if getattr(self, name) != getattr(other, name):
                found.append(f"{name}: {getattr(self, name)} against {getattr(other, name)}")
        return found


def spell(group: Group | None) -> str:
    return f"{group.start}:{group.stop} {list(group.shape)}" if group else "absent"
