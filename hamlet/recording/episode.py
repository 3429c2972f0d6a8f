"""An episode as it is kept and shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Episode:
    """One recorded episode, in the shape in which it travels to every watcher.

    Attributes:
        number: of the episode within its run, from 1.
        start: what the player needs before the first step (town: `layout` of the map, epsilon,
            curriculum stage...). Plain data.
        columns: one list per step field, all of one length (town: `x`, `y`, `meters`,
            `q_values`...). Plain data; step i of the episode is entry i of every column.
        end: reason, totals per stream and other closing figures. Plain data.
        ended_at: when the last step was taken, in seconds since the epoch (UTC).
    """

    number: int
    start: dict[str, Any]
    columns: dict[str, list[Any]]
    end: dict[str, Any]
    ended_at: float

    @property
    def steps(self) -> int:
        return len(next(iter(self.columns.values()), ()))
