"""Shards: files of at most 65,536 examples each, named by the hash of their content.

A shard is a safetensors file with one tensor per column of `rows.ROW`, and the ids of its games
as JSON. The same rows give the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from hamlet.datasets.errors import DatasetError
from hamlet.datasets.rows import LOOSE, ROW
from hamlet.errors import CheckpointError
from hamlet.json_documents import read_json
from hamlet.tensor_file import read_tensor_file, write_tensor_file

SHARD_ROWS = 65_536
FORMAT = "hamlet-examples-1"
GAME_IDS = "game_ids"


class Shard(NamedTuple):
    """What the manifest says of a shard. bytes: its size as a file."""

    sha256: str
    rows: int
    bytes: int

    @property
    def file_name(self) -> str:
        return f"{self.sha256}.safetensors"


class ShardWriter:
    """Takes rows and writes a shard whenever one is full."""

    def __init__(self, folder: Path, game_ids: Sequence[str]) -> None:
        """game_ids: what the numbers in the column `game` stand for; may grow meanwhile."""
        self.folder, self.game_ids = folder, game_ids
        self.waiting: list[np.ndarray] = []
        self.shards: list[Shard] = []

    def add(self, rows: np.ndarray) -> None:
        self.waiting.append(rows)
        if sum(map(len, self.waiting)) >= SHARD_ROWS:
            self._write(whole=True)

    def finish(self) -> list[Shard]:
        self._write(whole=False)
        return self.shards

    def _write(self, *, whole: bool) -> None:
        rows = np.concatenate(self.waiting) if self.waiting else np.empty(0, ROW)
        stop = len(rows) - len(rows) % SHARD_ROWS if whole else len(rows)
        for begin in range(0, stop, SHARD_ROWS):
            end = min(begin + SHARD_ROWS, stop)
            self.shards.append(write_shard(self.folder, rows[begin:end], self.game_ids))
        self.waiting = [rows[stop:].copy()] if stop < len(rows) else []


def write_shard(folder: Path, rows: np.ndarray, game_ids: Sequence[str]) -> Shard:
    """Write rows into a file of the folder. game_ids: what the column `game` refers to."""
    used, place = np.unique(rows["game"], return_inverse=True)
    names = {int(number): game_ids[number] for number in used if number != LOOSE}
    ids = sorted(names.values())  # so that the numbers do not hang on the order games came in
    ranks = {name: rank for rank, name in enumerate(ids)}
    local = [ranks[names[number]] if number in names else LOOSE for number in used.tolist()]
    tensors = {name: torch.from_numpy(rows[name].copy()) for name in ROW.names}
    tensors["game"] = torch.from_numpy(np.array(local, dtype=np.int32)[place])
    text = json.dumps(ids, separators=(",", ":")).encode()
    tensors[GAME_IDS] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    saved = write_tensor_file(folder / "shard.new", tensors, {"format": FORMAT})
    shard = Shard(saved.sha256, len(rows), saved.size)
    os.replace(saved.path, folder / shard.file_name)
    return shard


def read_shard(source: str | Path | bytes) -> tuple[np.ndarray, list[str]]:
    """The rows of a shard and the ids its column `game` refers to.

    Raises: DatasetError with the exact fault.
    """
    try:
        file = read_tensor_file(source)
        if file.metadata.get("format") != FORMAT:
            raise DatasetError("not a shard of examples; its format is another")
        columns = {name: file.tensors[name].numpy() for name in ROW.names}
        rows = np.empty(len(columns["own"]), dtype=ROW)
        for name, column in columns.items():
            if column.dtype != ROW[name].base or column.shape != rows[name].shape:
                found = f"{column.dtype} {list(column.shape)}"
                raise DatasetError(f"the column {name} is {found}; the shard is not ours")
            rows[name] = column
        ids = _ids(read_json(file.tensors[GAME_IDS].numpy().tobytes()), rows)
    except (CheckpointError, ValueError, KeyError) as error:
        raise DatasetError(f"the shard is damaged: {error}") from None
    return rows, ids


def _ids(ids: Any, rows: np.ndarray) -> list[str]:
    fits = isinstance(ids, list) and all(isinstance(one, str) for one in ids)
    if not fits or (len(rows) and not LOOSE <= rows["game"].min() <= rows["game"].max() < len(ids)):
        raise DatasetError("the shard names games that it does not list; it is not ours")
    return ids
