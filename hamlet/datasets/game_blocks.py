"""Blocks of games, compressed: records and search data together, for the artifact store.

A block is one zstd frame around a file of tensors: the records as JSON without their search data,
and visits, values and lots of all plies side by side.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hamlet.datasets.errors import DatasetError
from hamlet.datasets.game_records import read_game, write_game
from hamlet.datasets.games import Game
from hamlet.envs.connect_four.position import COLUMNS
from hamlet.errors import CheckpointError, SpecError
from hamlet.json_documents import read_json
from hamlet.tensor_file import read_tensor_file, tensor_file_bytes

MOST_BYTES = 256 * 2**20  # of a block when unpacked
LEVEL = 10
FORMAT = "hamlet-games-1"


def write_block(games: Sequence[Game]) -> bytes:
    """Compress games. The same games give the same bytes.

    Raises: DatasetError if there are none, or more than a block may hold; HamletError if
        zstandard is missing.
    """
    if not games:
        raise DatasetError("found no games; a block holds one or more")
    bare = [replace(game, visits=None, values=None, explored=None) for game in games]
    text = json.dumps([write_game(game) for game in bare], separators=(",", ":")).encode()
    tensors = {"games": torch.frombuffer(bytearray(text), dtype=torch.uint8)} | _search(games)
    content = tensor_file_bytes(tensors, {"format": FORMAT})
    if len(content) > MOST_BYTES:
        raise DatasetError(f"found {len(content)} bytes of games; a block holds {MOST_BYTES}")
    return _zstandard().ZstdCompressor(level=LEVEL, write_content_size=True).compress(content)


def read_block(content: bytes, *, most_bytes: int = MOST_BYTES) -> list[Game]:
    """Unpack and check a block. Its size is known before memory is taken for it.

    Raises: DatasetError naming what is wrong.
    """
    try:
        file = read_tensor_file(_unpacked(content, most_bytes))
        if file.metadata.get("format") != FORMAT:
            raise DatasetError("not a block of games; its format is another")
        records = read_json(file.tensors["games"].numpy().tobytes())
        games = [read_game(record, f"games[{index}]") for index, record in enumerate(records)]
        return _with_search(games, file.tensors)
    except (CheckpointError, SpecError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"the block of games is damaged: {error}") from None


def _unpacked(content: bytes, most_bytes: int) -> bytes:
    zstandard = _zstandard()
    try:
        size = zstandard.get_frame_parameters(content).content_size
        if size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR):
            raise DatasetError("the block does not say how large it is unpacked; it is not ours")
        if size > most_bytes:
            raise DatasetError(
                f"the block has {size} bytes unpacked; expected at most {most_bytes}"
            )
        return zstandard.ZstdDecompressor().decompress(
            content, max_output_size=size, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise DatasetError(f"the block of games is damaged: {error}") from None


def _search(games: Sequence[Game]) -> dict[str, Tensor]:
    visits = [_or(game.visits, np.zeros((game.plies, COLUMNS), np.int32)) for game in games]
    values = [_or(game.values, np.full(game.plies, np.nan, np.float32)) for game in games]
    explored = [_or(game.explored, np.zeros(game.plies, bool)) for game in games]
    return {
        "visits": torch.from_numpy(np.concatenate(visits).astype(np.int32)),
        "values": torch.from_numpy(np.concatenate(values).astype(np.float32)),
        "explored": torch.from_numpy(np.concatenate(explored).astype(bool)),
    }


def _with_search(games: list[Game], tensors: dict[str, Tensor]) -> list[Game]:
    visits, values, explored = (tensors[name].numpy() for name in ("visits", "values", "explored"))
    plies = sum(game.plies for game in games)
    if visits.shape != (plies, COLUMNS) or values.shape != (plies,) or explored.shape != (plies,):
        raise DatasetError("the block of games is damaged: search data of another length")
    known = ~np.isnan(values)
    if (visits < 0).any() or (np.abs(values[known]) > 1).any():
        raise DatasetError("the block of games is damaged: search data out of range")
    whole, begin = [], 0
    for game in games:
        ply = slice(begin, begin + game.plies)
        whole.append(
            replace(
                game,
                visits=visits[ply].copy() if visits[ply].any() else None,
                values=values[ply].copy() if known[ply].any() else None,
                explored=explored[ply].copy() if explored[ply].any() else None,
            )
        )
        begin += game.plies
    return whole


def _or(found: np.ndarray | None, default: np.ndarray) -> np.ndarray:
    return default if found is None else found


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError:
        raise DatasetError(
            'Blocks of games need zstandard, which is missing. pip install "hamlet[games]"'
        ) from None
    return zstandard
