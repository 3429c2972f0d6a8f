"""The manifest: what a dataset is made of and how. Its hash names the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hamlet.datasets.errors import DatasetError
from hamlet.datasets.options import OPTIONS
from hamlet.datasets.shards import Shard
from hamlet.envs.connect_four.position import CELLS
from hamlet.errors import Problem, SpecError
from hamlet.schema import (
    Choice,
    Integer,
    ListOf,
    Number,
    Section,
    Text,
    Unread,
    canonical_json,
    content_hash,
    validate,
)

FORMAT, VERSION = "hamlet-dataset", 1
FILE_NAME = "manifest.json"
ROUNDING = 1e-9
RATES = ("win_rate_red", "win_rate_yellow", "draw_rate")


def _whole(statistics: dict[str, Any]) -> Iterator[Problem]:
    """Of games there are all rates, which make 1; of no games none."""
    rates = [statistics[name] for name in (*RATES, "average_game_length")]
    if [rate is not None for rate in rates] != [statistics["games"] > 0] * len(rates):
        yield Problem(
            "games", f"found {statistics['games']}, which does not fit the rates of games"
        )
    elif statistics["games"] and abs(sum(rates[:-1]) - 1) > ROUNDING:
        yield Problem("draw_rate", f"the rates sum to {sum(rates[:-1]):g}; expected 1")


def _enough_games(manifest: dict[str, Any]) -> Iterator[Problem]:
    known, there = manifest["statistics"]["games"]["games"], manifest["sources"]["games"]
    if known > there:
        message = f"found {known} games, more than the {there} there are"
        yield Problem("statistics.games.games", message)


GAME_STATISTICS = Section(
    {
        "games": Integer(0, 2**53),
        **{name: Number(0, 1, default=None, optional=True) for name in RATES},
        "average_game_length": Number(0, CELLS, default=None, optional=True),
    },
    rules=[_whole],
)
MANIFEST = Section(
    {
        "format": Choice(FORMAT),
        "version": Choice(VERSION),
        "game": Choice("connect_four"),
        "options": OPTIONS,
        "seed": Integer(0, 2**63 - 1),
        "filters": ListOf(
            Section(
                {
                    "filter": Text(longest=40),
                    "unit": Choice("games", "examples"),
                    "removed": Integer(0, 2**53),
                }
            )
        ),
        "sources": Section(
            {
                "games": Integer(0, 2**53),
                "given_examples": Integer(0, 2**53),
                "game_ids_sha256": Text(pattern=r"[0-9a-f]{64}", shape="a sha256"),
            }
        ),
        "shards": ListOf(
            Section(
                {
                    "sha256": Text(pattern=r"[0-9a-f]{64}", shape="a sha256"),
                    "rows": Integer(1, 2**31),
                    "bytes": Integer(1, 2**40),
                }
            ),
            shortest=1,
            longest=100_000,
        ),
        "statistics": Section({"games": GAME_STATISTICS, "examples": Unread(dict, "a mapping")}),
    },
    rules=[_enough_games],
)


@dataclass(frozen=True)
class Manifest:
    """data: plain data, as stored."""

    data: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """`sha256:<hex>` of the canonical JSON: the name of the dataset."""
        return content_hash(self.data)

    @property
    def shards(self) -> list[Shard]:
        return [Shard(s["sha256"], s["rows"], s["bytes"]) for s in self.data["shards"]]

    @property
    def total_examples(self) -> int:
        return sum(shard.rows for shard in self.shards)

    @property
    def statistics(self) -> dict[str, Any]:
        """Of the games and of the examples, in one mapping."""
        statistics = self.data["statistics"]
        return {**statistics["games"], **statistics["examples"]}

    def text(self) -> str:
        return canonical_json(self.data)


def made_manifest(
    *,
    options: Mapping[str, Any],
    seed: int,
    filters: Sequence[Mapping[str, Any]],
    sources: Mapping[str, Any],
    shards: Sequence[Shard],
    statistics: Mapping[str, Any],
) -> Manifest:
    return Manifest(
        {
            "format": FORMAT,
            "version": VERSION,
            "game": "connect_four",
            "options": dict(options),
            "seed": seed,
            "filters": [dict(entry) for entry in filters],
            "sources": dict(sources),
            "shards": [shard._asdict() for shard in shards],
            "statistics": dict(statistics),
        }
    )


def read_manifest(data: Any) -> Manifest:
    """Raises: DatasetError naming every fault."""
    try:
        return Manifest(validate(MANIFEST, data, "manifest"))
    except SpecError as error:
        raise DatasetError(f"not the manifest of a dataset:\n{error}") from None
