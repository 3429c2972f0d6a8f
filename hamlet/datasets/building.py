"""A dataset built from games and loose examples, in memory that does not grow with their number.

Examples are first spread over files by the hash of their position, so that twins meet; then each
file is merged and filtered; then it is known how many are left, those that stay are drawn, and
their copies made and written into shards. Memory grows by about 100 bytes per game, for its id,
and some 30 bytes per example, for the draw.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from hamlet.datasets.augmentation import augmented, copies_per_row
from hamlet.datasets.errors import DatasetError
from hamlet.datasets.filters import Filters
from hamlet.datasets.game_records import GAME_NAME
from hamlet.datasets.games import Game
from hamlet.datasets.manifest import FILE_NAME, Manifest, made_manifest
from hamlet.datasets.merging import merged
from hamlet.datasets.new_folder import appearing
from hamlet.datasets.options import read_options
from hamlet.datasets.partitions import Partitions
from hamlet.datasets.rows import LOOSE, canonical_keys_of
from hamlet.datasets.selection import selected
from hamlet.datasets.shards import ShardWriter
from hamlet.datasets.summary import ExampleSummary, GameSummary
from hamlet.datasets.targets import examples_of
from hamlet.learning.randomness import derived_seed
from hamlet.schema import validate

GAMES_AT_ONCE = 512
Progress = Callable[[int, int], None]  # games read, examples made
Chunk = tuple[np.ndarray, list[str]]


def build_dataset(
    folder: str | Path,
    games: Iterable[Game] = (),
    options: Any = None,
    *,
    seed: int = 0,
    examples: Iterable[Chunk] = (),
    evaluation_sets: Mapping[str, np.ndarray] | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Build a dataset into a new folder, which holds all of it or does not exist.

    Args:
        folder: made anew; its parent must exist.
        games: read once, in any order: the same games give the same dataset.
        options: as `options.OPTIONS` describes them.
        seed: of all that is drawn by lot.
        examples: chunks of `rows.ROW` with the ids their column `game` refers to, as
            `read_examples` and `read_shard` give them.
        evaluation_sets: canonical keys by name, for the report of overlap.
        progress: called after every few hundred games; what it raises stops the build.

    Raises: SpecError for the options; DatasetError if a game contradicts the board, two games
        have one id, or nothing is left.
    """
    settings = read_options(options)
    with appearing(Path(folder)) as work:
        return build_into(
            work,
            games,
            examples,
            settings,
            seed,
            evaluation_sets=evaluation_sets,
            progress=progress,
        )


def build_into(
    folder: Path,
    games: Iterable[Game],
    examples: Iterable[Chunk],
    options: Mapping[str, Any],
    seed: int,
    *,
    evaluation_sets: Mapping[str, np.ndarray] | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """As `build_dataset`, into a folder that is there; options as `read_options` gives them."""
    build = _Build(folder, options, seed)
    build.gather(games, progress)
    build.add(examples)
    return build.write(build.settle(), evaluation_sets)


class _Build:
    """One build; its methods are called in the order in which they stand."""

    def __init__(self, folder: Path, options: Mapping[str, Any], seed: int) -> None:
        self.folder, self.options, self.seed = folder, options, seed
        self.filters = Filters(options["filters"])
        self.game_summary = GameSummary()
        self.numbers: dict[str, int] = {}  # of games, by id, in the order they came in
        self.given = 0
        self.spread = Partitions(folder / "spread")
        self.settled = Partitions(folder / "settled")

    def gather(self, games: Iterable[Game], progress: Progress | None) -> None:
        """Spread the examples of all games that pass over files."""
        read = made = 0
        for batch in _batches(self._passing(games), GAMES_AT_ONCE):
            rows, dropped = examples_of(batch, self.options)
            for name, count in dropped.items():
                self.filters.count(name, count)
            rows["game"] = np.array([self._number(game) for game in batch])[rows["game"]]
            self.spread.add(rows)
            read, made = read + len(batch), made + len(rows)
            if progress is not None:
                progress(read, made)

    def add(self, examples: Iterable[Chunk]) -> None:
        """Spread examples that were given ready-made as well."""
        for rows, ids in examples:
            numbers = [self.numbers.setdefault(one, len(self.numbers)) for one in ids]
            known = rows.copy()
            known["game"] = np.array([*numbers, LOOSE])[rows["game"]]
            self.given += len(rows)
            self.spread.add(known)
        self.spread.finish()

    def settle(self) -> np.ndarray:
        """Merge and filter file by file. Returns: [N] int8 the outcome of each row left."""
        outcomes, ranks = [], _ranks(list(self.numbers))
        for spread in self.spread:
            rows = _ordered(spread, ranks)
            if self.options["deduplicate"]:
                rows = merged(rows)
            left = self.filters.left(rows)
            outcomes.append(left["outcome"].copy())
            self.settled.add(left)
        self.settled.finish()
        shutil.rmtree(self.spread.folder)
        outcome = np.concatenate(outcomes) if outcomes else np.empty(0, np.int8)
        if not len(outcome):
            removed = ", ".join(f"{e['filter']} {e['removed']}" for e in self.filters.report())
            raise DatasetError(
                f"no example is left of {len(self.numbers)} games and {self.given} given examples"
                + (f"; removed by {removed}" if removed else "; send some")
            )
        return outcome

    def write(
        self, outcome: np.ndarray, evaluation_sets: Mapping[str, np.ndarray] | None
    ) -> Manifest:
        """Draw, copy and write what stays."""
        augment = self.options["augment"]
        kept = selected(
            outcome,
            copies_per_row(augment),
            balance=self.options["balance"],
            most=self.options["max_examples"],
            draw=self._generator("selection"),
        )
        noise = self._generator("noise")
        writer = ShardWriter(self.folder, list(self.numbers))
        summary = ExampleSummary(evaluation_sets)
        begin = 0
        for rows in self.settled:
            copies = augmented(rows, augment, noise)
            stay = slice(begin, begin + len(rows))
            chosen = copies.ravel() if kept is None else copies[kept[stay]]
            begin += len(rows)
            summary.add(chosen)
            writer.add(chosen)
        shards = writer.finish()
        shutil.rmtree(self.settled.folder)
        return self._manifest(shards, summary)

    def _manifest(self, shards: list, summary: ExampleSummary) -> Manifest:
        ids = hashlib.sha256("\n".join(sorted(self.numbers)).encode()).hexdigest()
        manifest = made_manifest(
            options=self.options,
            seed=self.seed,
            filters=self.filters.report(),
            sources={
                "games": len(self.numbers),
                "given_examples": self.given,
                "game_ids_sha256": ids,
            },
            shards=shards,
            statistics={"games": self.game_summary.report(), "examples": summary.report()},
        )
        (self.folder / FILE_NAME).write_text(manifest.text(), encoding="utf-8")
        return manifest

    def _passing(self, games: Iterable[Game]) -> Iterator[Game]:
        seen: set[str] = set()
        for game in games:
            validate(GAME_NAME, game.id, "game id")  # or it could be exported and not imported
            if game.id in seen:
                raise DatasetError(f"the game {game.id} is given twice; each id stands once")
            seen.add(game.id)
            if self.filters.keeps(game):
                yield game

    def _number(self, game: Game) -> int:
        """A mirrored copy goes by the number of the game it copies: they are told apart nowhere,
        least of all in the split of training and validation."""
        name = game.mirror_of or game.id
        if name not in self.numbers:
            self.numbers[name] = len(self.numbers)
            self.game_summary.add(game)
        return self.numbers[name]

    def _generator(self, purpose: str) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(derived_seed(self.seed, purpose)))


def _ordered(rows: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """By position, then by id of the game, and what was played before its mirrored copy: the order
    of the games is forgotten. Loose examples stand in the order they were given in."""
    rank = np.where(rows["game"] == LOOSE, -1, ranks[rows["game"]])
    return rows[np.lexsort((rows["copy"], rank, rows["own"], canonical_keys_of(rows)))]


def _ranks(game_ids: list[str]) -> np.ndarray:
    """[G + 1] the place of each game among the sorted ids; the last entry is never looked at."""
    ranks = np.zeros(len(game_ids) + 1, dtype=np.int64)
    ranks[sorted(range(len(game_ids)), key=game_ids.__getitem__)] = np.arange(len(game_ids))
    return ranks


def _batches(games: Iterator[Game], size: int) -> Iterator[list[Game]]:
    while batch := list(islice(games, size)):
        yield batch
