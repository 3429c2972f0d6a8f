"""A dataset of a few games in files, as a run is given one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hamlet.datasets.rows import LOOSE, empty_rows
from hamlet.datasets.shards import write_shard
from hamlet.envs.connect_four.position import Position
from hamlet.learning.connect_four.targets import outcomes

Files = Callable[[str], Path]


def game_rows(moves: tuple[int, ...], game: int) -> np.ndarray:
    """Examples of one game: the move that was made, and the result for the mover."""
    rows = empty_rows(len(moves))
    for ply, column in enumerate(moves):
        position = Position.after(moves[:ply])
        rows[ply]["own"], rows[ply]["occupied"] = position.own, position.occupied
        rows[ply]["policy"][column] = 1.0
        rows[ply]["move"] = column
    rows["value"] = outcomes(Position.after(moves).winner, 0, len(moves))
    rows["game"] = game
    return rows


def dataset_of(
    folder: Path, games: list[tuple[int, ...]], *, loose: int = 0
) -> tuple[dict[str, object], Files]:
    """Returns: (what a request says of the dataset, where its files lie).

    Args: loose: how many of the first examples belong to no game.
    """
    rows = np.concatenate([game_rows(moves, number) for number, moves in enumerate(games)])
    rows["game"][:loose] = LOOSE
    shard = write_shard(folder, rows, [f"game {number}" for number in range(len(games))])
    manifest = hashlib.sha256(b"of no use here").hexdigest()
    named = {"manifest": manifest, "shards": [shard.sha256]}
    return named, lambda digest: folder / f"{digest}.safetensors"
