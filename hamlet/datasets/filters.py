"""Quality filters. Each that was asked for says how many games or examples it removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hamlet.datasets.game_records import read_time
from hamlet.datasets.games import Game
from hamlet.datasets.rows import policy_entropy

GAMES, EXAMPLES = "games", "examples"
Keep = Callable[[Any], Any]


class Filters:
    """The filters that were asked for, in a fixed order, each seeing what the ones before left.

    Attributes: removed: by name of the filter, how many it removed so far. units: games or
        examples.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """settings: as `read_options` gives `filters`."""
        self.of_games = _asked(GAME_FILTERS, settings)
        self.of_rows = _asked(ROW_FILTERS, settings)
        self.removed = dict.fromkeys([*self.of_games, *self.of_rows], 0)
        self.units = dict.fromkeys(self.of_games, GAMES) | dict.fromkeys(self.of_rows, EXAMPLES)

    def keeps(self, game: Game) -> bool:
        for name, keep in self.of_games.items():
            if not keep(game):
                self.removed[name] += 1
                return False
        return True

    def left(self, rows: np.ndarray) -> np.ndarray:
        for name, keep in self.of_rows.items():
            kept = rows[keep(rows)]
            self.removed[name] += len(rows) - len(kept)
            rows = kept
        return rows

    def count(self, name: str, removed: int) -> None:
        """Add what an option left out, so that it is reported beside the filters."""
        self.removed[name] = self.removed.get(name, 0) + removed
        self.units[name] = EXAMPLES

    def report(self) -> list[dict[str, Any]]:
        return [
            {"filter": name, "unit": self.units[name], "removed": removed}
            for name, removed in self.removed.items()
        ]


def _asked(makers: Mapping[str, Callable[[Any], Keep]], settings: Mapping) -> dict[str, Keep]:
    return {
        name: make(settings[name])
        for name, make in makers.items()
        if settings[name] is not None and settings[name] is not True
    }


def _date_range(limits: Mapping[str, str | None]) -> Keep:
    begin, end = (
        None if limits[name] is None else read_time(limits[name], name) for name in ("from", "to")
    )
    return lambda game: (
        (begin is None or game.played_at >= begin) and (end is None or game.played_at <= end)
    )


def _game_ids(ids: list[str]) -> Keep:
    wanted = frozenset(ids)
    return lambda game: game.id in wanted


def _has_policy(rows: np.ndarray) -> np.ndarray:
    """Examples without a target for the policy have no entropy to be judged by."""
    return rows["policy"].any(axis=1)


GAME_FILTERS: dict[str, Callable[[Any], Keep]] = {
    "game_ids": _game_ids,
    "date_range": _date_range,
    "include_human_games": lambda _: lambda game: not game.human,
    "include_self_play": lambda _: lambda game: game.source != "self_play",
    "min_rating": lambda least: lambda game: min(game.ratings) >= least,
    "min_length": lambda least: lambda game: game.plies >= least,
}
# float32 values are compared with what the limit is as a float32: a weight of 0.8 passes 0.8.
ROW_FILTERS: dict[str, Callable[[Any], Keep]] = {
    "max_value_spread": lambda most: lambda rows: rows["spread"] <= np.float32(most),
    "max_abs_value": lambda most: lambda rows: np.abs(rows["value"]) <= np.float32(most),
    "min_weight": lambda least: lambda rows: rows["weight"] >= np.float32(least),
    "min_policy_entropy": lambda least: (
        lambda rows: ~_has_policy(rows) | (policy_entropy(rows["policy"]) >= least)
    ),
    "max_policy_entropy": lambda most: (
        lambda rows: ~_has_policy(rows) | (policy_entropy(rows["policy"]) <= most)
    ),
}
