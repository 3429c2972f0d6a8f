"""A level: the file level.yaml as a checked, immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hamlet.envs.town.level_schema import LEVEL_SCHEMA, contradictions
from hamlet.envs.town.tables import METER_NAMES
from hamlet.errors import SpecError
from hamlet.schema import content_hash, validate


@dataclass(frozen=True)
class TownLevel:
    """Everything that makes one town differ from another.

    Attributes:
        width, height: columns and rows of the grid.
        window: side of the square the agent sees, or None where it sees everything.
        start, base_losses: one number per meter, in meter order.
        start_hour: None draws another hour for each episode.
        extrinsic, intrinsic_modifiers, shaping: as in the file, defaults written out.
    """

    name: str
    title: str
    description: str
    width: int
    height: int
    window: int | None
    grid_encoding: str
    affordances: tuple[str, ...]
    active_meters: tuple[str, ...]
    start: tuple[float, ...]
    base_losses: tuple[float, ...]
    disabled_actions: tuple[str, ...]
    temporal: bool
    start_hour: int | None
    max_steps: int
    episode_budget: int
    extrinsic: Mapping[str, Any]
    intrinsic_modifiers: tuple[Mapping[str, Any], ...]
    shaping: Mapping[str, float]
    retirement_bonus: float

    @property
    def cells(self) -> int:
        return self.width * self.height

    def to_data(self) -> dict[str, Any]:
        """The level as plain data, every default written out; `level_from_data` reads it back."""
        return {
            "version": 1,
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "grid": {"width": self.width, "height": self.height},
            "view": self.window or "full",
            "grid_encoding": self.grid_encoding,
            "affordances": list(self.affordances),
            "active_meters": list(self.active_meters),
            "start": dict(zip(METER_NAMES, self.start, strict=True)),
            "base_losses": dict(zip(METER_NAMES, self.base_losses, strict=True)),
            "disabled_actions": list(self.disabled_actions),
            "temporal": {
                "enabled": self.temporal,
                "start_hour": "random" if self.start_hour is None else self.start_hour,
            },
            "max_steps": self.max_steps,
            "episode_budget": self.episode_budget,
            "extrinsic": copy_plain(self.extrinsic),
            "intrinsic_modifiers": [dict(modifier) for modifier in self.intrinsic_modifiers],
            "shaping": dict(self.shaping),
            "retirement_bonus": self.retirement_bonus,
        }

    @cached_property
    def hash(self) -> str:
        return content_hash(self.to_data())


def level_from_data(data: Any, path: str = "") -> TownLevel:
    """Check a level and build it.

    Args:
        data: what level.yaml holds. path: where it stands in a larger document, for messages.

    Raises: SpecError naming every fault.
    """
    read = validate(LEVEL_SCHEMA, data, path)
    problems = contradictions(read, path)
    if problems:
        raise SpecError(problems)
    start_hour = read["temporal"]["start_hour"]
    return TownLevel(
        name=read["name"],
        title=read["title"],
        description=read["description"],
        width=read["grid"]["width"],
        height=read["grid"]["height"],
        window=None if read["view"] == "full" else read["view"],
        grid_encoding=read["grid_encoding"],
        affordances=tuple(read["affordances"]),
        active_meters=tuple(read["active_meters"]),
        start=tuple(read["start"][name] for name in METER_NAMES),
        base_losses=tuple(read["base_losses"][name] for name in METER_NAMES),
        disabled_actions=tuple(read["disabled_actions"]),
        temporal=read["temporal"]["enabled"],
        start_hour=None if start_hour == "random" else start_hour,
        max_steps=read["max_steps"],
        episode_budget=read["episode_budget"],
        extrinsic=read["extrinsic"],
        intrinsic_modifiers=tuple(read["intrinsic_modifiers"]),
        shaping=read["shaping"],
        retirement_bonus=read["retirement_bonus"],
    )


def copy_plain(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: copy_plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [copy_plain(value) for value in data]
    return data
