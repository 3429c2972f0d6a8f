"""Statistics of a dataset, gathered while it streams by."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any

import numpy as np

from hamlet.datasets.games import Game
from hamlet.datasets.rows import SOURCES, canonical_keys_of, keys_of
from hamlet.envs.connect_four.position import CELLS, RED, YELLOW
from hamlet.envs.connect_four.reading_many import digits_of_boards, write_boards

MOST_FREQUENT = 100


class GameSummary:
    """Of the games that passed the filters, whether or not an example of theirs was kept."""

    def __init__(self) -> None:
        self.games = self.moves = 0
        self.won = {RED: 0, YELLOW: 0, 0: 0}

    def add(self, game: Game) -> None:
        self.games += 1
        self.moves += game.plies
        self.won[game.winner] += 1

    def report(self) -> dict[str, Any]:
        """Rates per game; null where no game is known."""
        games = self.games or None
        return {
            "games": self.games,
            "win_rate_red": games and self.won[RED] / games,
            "win_rate_yellow": games and self.won[YELLOW] / games,
            "draw_rate": games and self.won[0] / games,
            "average_game_length": games and self.moves / games,
        }


class ExampleSummary:
    """Of the examples. `add` is to see all rows of one position, up to mirror, in one call."""

    def __init__(self, evaluation_sets: Mapping[str, np.ndarray] | None = None) -> None:
        """evaluation_sets: canonical keys by name of the set."""
        self.sets = {name: np.unique(keys) for name, keys in (evaluation_sets or {}).items()}
        self.met = dict.fromkeys(self.sets, 0)
        self.held = dict.fromkeys(self.sets, 0)
        self.total = self.unique = self.canonical = self.conflicting = 0
        self.by_ply = np.zeros(CELLS, dtype=np.int64)
        self.by_source = np.zeros(len(SOURCES), dtype=np.int64)
        self.by_outcome = np.zeros(4, dtype=np.int64)
        self.frequent: list[tuple[int, int, str]] = []

    def add(self, rows: np.ndarray) -> None:
        if not len(rows):
            return
        keys = canonical_keys_of(rows)
        order = np.argsort(keys, kind="stable")
        rows, keys = rows[order], keys[order]
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        self.total += len(rows)
        self.unique += len(np.unique(keys_of(rows)))
        self.canonical += len(starts)
        self.conflicting += int((_spreads(rows, starts) > 0).sum())
        self.by_ply += np.bincount(np.bitwise_count(rows["occupied"]), minlength=CELLS)[:CELLS]
        self.by_source += np.bincount(rows["source"], minlength=len(SOURCES))
        self.by_outcome += np.bincount(rows["outcome"] + 1, minlength=4)
        self._count_frequent(rows, keys, starts)
        for name, known in self.sets.items():
            self.met[name] += int(np.isin(keys, known).sum())
            self.held[name] += int(np.isin(keys[starts], known).sum())

    def report(self) -> dict[str, Any]:
        named = zip(("loss", "draw", "win", "unknown"), self.by_outcome.tolist(), strict=True)
        sources = zip(SOURCES, self.by_source.tolist(), strict=True)
        return {
            "total_examples": self.total,
            "unique_positions": self.unique,
            "unique_up_to_mirror": self.canonical,
            "conflict_share": self.conflicting / max(1, self.canonical),
            "examples_by_ply": self.by_ply.tolist(),
            "examples_by_outcome": dict(named),
            "label_sources": {name: count for name, count in sources if count},
            "most_frequent": [
                {"board": board, "count": count} for count, _, board in sorted(self.frequent)[::-1]
            ],
            "evaluation_overlap": {name: self._overlap(name) for name in self.sets},
        }

    def _overlap(self, name: str) -> dict[str, Any]:
        """Positions of the set that are in the dataset, up to mirror, and examples of them."""
        of = len(self.sets[name])
        return {
            "examples": self.met[name],
            "positions": self.held[name],
            "of": of,
            "share": self.held[name] / max(1, of),
        }

    def _count_frequent(self, rows: np.ndarray, keys: np.ndarray, starts: np.ndarray) -> None:
        """A position counts once for each example merged into its rows. Of positions met as often
        the one with the smaller key is named, so that the list does not hang on the order."""
        counts = np.add.reduceat(rows["count"].astype(np.int64), starts)
        best = np.lexsort((keys[starts], -counts))[:MOST_FREQUENT]
        first = rows[starts[best]]
        boards = digits_of_boards(write_boards(first["own"].copy(), first["occupied"].copy()))
        found = zip(counts[best].tolist(), (-keys[starts[best]]).tolist(), boards, strict=True)
        self.frequent = heapq.nlargest(MOST_FREQUENT, [*self.frequent, *found])


def _spreads(rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Of the values of one position: those merged before and those that stand side by side.
    Copies made by augmentation are no conflict."""
    value = np.where(rows["copy"] == 0, rows["value"], np.nan)
    with np.errstate(invalid="ignore"):
        beside = np.fmax.reduceat(value, starts) - np.fmin.reduceat(value, starts)
    return np.fmax(np.nan_to_num(beside), np.maximum.reduceat(rows["spread"], starts))
