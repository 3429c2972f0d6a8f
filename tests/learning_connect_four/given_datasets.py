"""Datasets of a few rows or games, as files that a run can be given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hamlet.datasets.rows import LOOSE, empty_rows
from hamlet.datasets.shards import write_shard
from hamlet.envs.connect_four.position import Position
from hamlet.learning.connect_four.targets import outcomes
from hamlet.learning.trainer import Files


def stored(
    folder: Path, *shards: np.ndarray, games: Sequence[str] = ()
) -> tuple[dict[str, Any], Files]:
    """Args: games: ids, to which the column `game` refers. Returns: (`dataset` of a request, what
    finds its files)."""
    written = [write_shard(folder, rows, games) for rows in shards]
    paths = {shard.sha256: folder / shard.file_name for shard in written}
    dataset = {"manifest": "0" * 64, "shards": [shard.sha256 for shard in written]}
    return dataset, paths.__getitem__


def rows_of_game(moves: Sequence[int], number: int = LOOSE, **columns: Any) -> np.ndarray:
    """A row per ply, of which the played column has all of the policy."""
    rows = empty_rows(len(moves))
    for ply, column in enumerate(moves):
        position = Position.after(moves[:ply])
        rows["own"][ply], rows["occupied"][ply] = position.own, position.occupied
        rows["policy"][ply, column], rows["move"][ply] = 1.0, column
    rows["game"] = number
    for name, value in columns.items():
        rows[name] = value
    return rows


def random_moves(seed: int, plies: int = 12) -> list[int]:
    """The first moves of a random game, before anybody has won."""
    draw = np.random.default_rng(seed)
    while True:
        moves: list[int] = []
        position = Position()
        while len(moves) < plies and not position.ended:
            moves.append(int(draw.choice(position.legal_columns())))
            position = position.play(moves[-1])
        if not position.ended:
            return moves


def random_dataset(folder: Path, games: int = 8) -> tuple[dict[str, Any], Files]:
    """Twelve plies of each game, one after the other."""
    names = [f"game {number}" for number in range(games)]
    rows = [rows_of_game(random_moves(number), number) for number in range(games)]
    return stored(folder, np.concatenate(rows), games=names)


def dataset_of(
    folder: Path, games: list[tuple[int, ...]], *, loose: int = 0
) -> tuple[dict[str, Any], Files]:
    """Whole games, with the result for the mover as value.

    Args: loose: how many of the first examples belong to no game.
    """
    values = [outcomes(Position.after(moves).winner, 0, len(moves)) for moves in games]
    parts = [
        rows_of_game(moves, number, value=value)
        for number, (moves, value) in enumerate(zip(games, values, strict=True))
    ]
    rows = np.concatenate(parts)
    rows["game"][:loose] = LOOSE
    return stored(folder, rows, games=[f"game {number}" for number in range(len(games))])
