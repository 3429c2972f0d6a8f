"""Examples in the files of a dataset, for runs of PPO and DQN."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hamlet.datasets.rows import LOOSE, empty_rows
from hamlet.datasets.shards import write_shard
from hamlet.envs.connect_four.position import Position
from hamlet.learning.trainer import Files


def stored(
    folder: Path, rows: np.ndarray, games: Sequence[str] = ()
) -> tuple[dict[str, Any], Files]:
    """Args: games: ids, to which the column `game` refers.

    Returns: (`dataset` of a request, what finds its files).
    """
    shard = write_shard(folder, rows, games)
    dataset = {"manifest": "0" * 64, "shards": [shard.sha256]}
    return dataset, {shard.sha256: folder / shard.file_name}.__getitem__


def rows_of_game(moves: Sequence[int], number: int = LOOSE) -> np.ndarray:
    """A row per ply, of which the played column has all of the policy."""
    rows = empty_rows(len(moves))
    for ply, column in enumerate(moves):
        position = Position.after(moves[:ply])
        rows["own"][ply], rows["occupied"][ply] = position.own, position.occupied
        rows["policy"][ply, column], rows["move"][ply] = 1.0, column
    rows["game"] = number
    return rows


def random_dataset(folder: Path, games: int = 8) -> tuple[dict[str, Any], Files]:
    """Twelve plies of each of some random games."""
    draw = np.random.default_rng(0)
    parts: list[np.ndarray] = []
    while len(parts) < games:
        moves: list[int] = []
        position = Position()
        while len(moves) < 12 and not position.ended:
            moves.append(int(draw.choice(position.legal_columns())))
            position = position.play(moves[-1])
        if len(moves) == 12:
            parts.append(rows_of_game(moves, len(parts)))
    return stored(folder, np.concatenate(parts), [f"game {number}" for number in range(games)])
