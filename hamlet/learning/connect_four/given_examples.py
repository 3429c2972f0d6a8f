"""The examples that a run was given, split into those to learn from and those to validate with.

Shapes: N examples.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from hamlet.datasets.rows import LOOSE, ROW, canonical_keys_of
from hamlet.datasets.shards import read_shard
from hamlet.learning.connect_four.content import Content, path_of
from hamlet.learning.connect_four.given_replies import known_replies
from hamlet.learning.supervised_examples import Examples
from hamlet.learning.trainer import Files

RESOLUTION = 2**32


def given_rows(content: Content, files: Files | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Args: content: of a run with a dataset. seed: of the run, which decides the split.

    Returns: (rows of `hamlet.datasets.rows`, [N] bool: true for those of the validation). All
        examples of a game are on one side, and so are loose ones of the same position. `game` is
        a number within all of the rows, whatever shard they come from.
    Raises: SpecError, DatasetError if the files are not there or are damaged.
    """
    _, *shards = content.dataset or ()
    parts, sides = [], []
    games: dict[str, int] = {}
    seed = seed if content.split_seed is None else content.split_seed
    for number, digest in enumerate(shards):
        rows, ids = read_shard(path_of(digest, files, f"content.dataset.shards[{number}]"))
        share = content.config["validation_split"]
        chosen = validation_side(rows, ids, share, seed)
        places = [games.setdefault(name, len(games)) for name in ids]
        rows["game"] = np.array([*places, LOOSE], np.int32)[rows["game"]]
        parts.append(rows)
        sides.append(chosen)
    return (
        np.concatenate([np.empty(0, ROW), *parts]),
        np.concatenate([np.empty(0, bool), *sides]),
    )


def validation_side(rows: np.ndarray, ids: list[str], share: float, seed: int) -> np.ndarray:
    """[N] bool. It depends on the game and the seed alone, not on what else there is."""
    games = np.array([drawn(f"game {name}", seed) < share for name in [*ids, ""]], bool)
    chosen = games[rows["game"]]
    loose = np.flatnonzero(rows["game"] == LOOSE)
    keys = canonical_keys_of(rows[loose]).tolist()
    chosen[loose] = [drawn(f"position {key}", seed) < share for key in keys]
    return chosen


def drawn(what: str, seed: int) -> float:
    """A number in [0, 1) for each thing and seed."""
    digest = hashlib.sha256(f"{seed}/split/{what}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / RESOLUTION


def as_examples(rows: np.ndarray, device: torch.device, *, with_replies: bool = False) -> Examples:
    """Those rows that say what should be played. Raises: InputError.

    Args: with_replies: look among all of the rows for what was answered.
    """
    says_policy = rows["policy"].sum(axis=1) > 0
    names = ("own", "occupied", "policy", "value", "weight")
    arrays = {name: rows[name][says_policy] for name in names}
    if with_replies:
        arrays["reply"] = known_replies(rows)[says_policy]
    return Examples.from_arrays(arrays, device)
