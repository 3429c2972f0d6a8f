"""Level packs of Connect Four: a kind of network and settings with which it learns well."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.schema import Section, Text, Unread, describe, hint, read_yaml, validate
from hamlet.systems import LevelChoice

SHIPPED = (
    "alphazero",
    "muzero",
    "transformer",
    "ppo",
    "dqn",
    "ensemble",
    "alphazero-long",
    "alphazero-reference",
)
PACK = Section(
    {
        "title": Text(longest=100),
        "description": Text(longest=500),
        "size": Text("small", longest=10),
        "config": Unread(dict, "a mapping"),
    }
)


@dataclass(frozen=True)
class LevelPack:
    """Attributes:
    size: of the network, a preset of hamlet.brains.presets. config: as a person would write it.
    """

    name: str
    title: str
    description: str
    size: str
    config: dict[str, Any]


def pack_names() -> tuple[str, ...]:
    return SHIPPED


def load_pack(name: str) -> LevelPack:
    """Raises: SpecError if there is no such level."""
    if name not in SHIPPED:
        message = f"found {describe(name)}; expected one of {', '.join(SHIPPED)}"
        raise SpecError([Problem("level", message + hint(name, SHIPPED))])
    return copy.deepcopy(shipped_pack(name))


@cache
def shipped_pack(name: str) -> LevelPack:
    file = resources.files("hamlet") / "levels" / "connect_four" / f"{name}.yaml"
    return LevelPack(name, **validate(PACK, read_yaml(file.read_bytes(), name=file.name)))


def levels() -> list[LevelChoice]:
    """The shipped levels, the one to begin with first."""
    return [
        LevelChoice(pack.name, pack.title, pack.description, pack.config["epochs"])
        for pack in map(load_pack, SHIPPED)
    ]
