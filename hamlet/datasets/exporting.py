"""A dataset as lines of JSON or as CSV, piece by piece.

The manifest travels along: before the first line of JSON, and in a column of its own in the first
row of CSV. Numbers are written so that reading gives the same bits.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from hamlet.datasets.given_examples import OUTCOMES
from hamlet.datasets.rows import LOOSE, SOURCES
from hamlet.datasets.stored import Dataset
from hamlet.envs.connect_four.reading_many import digits_of_boards, write_boards

JSON, CSV = "json", "csv"
FORMATS = (JSON, CSV)
MANIFEST = "dataset"  # the name of the line, and of the column
COLUMNS = (
    *("board", "player", "move", "value", "policy", "weight", "game_id", "ply"),
    *("count", "spread", "outcome", "source", "copy", MANIFEST),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
ROWS_AT_ONCE = 2048
OUTCOME_NAMES = {number: name for name, number in OUTCOMES.items()}


def export_json(dataset: Dataset) -> Iterator[bytes]:
    """One line with the manifest, then one example per line, as `read_examples` takes them."""
    yield _line({MANIFEST: dict(dataset.manifest.data)})
    for rows, ids in _pieces(dataset):
        yield b"".join(_line(_example(fields)) for fields in _fields(rows, ids))


def export_csv(dataset: Dataset) -> Iterator[bytes]:
    """A header, then one example per row: `board` as 42 digits, `policy` as 7 numbers.

    Text that a spreadsheet would take for a formula is led by an apostrophe.
    """
    yield _rows([COLUMNS])
    manifest = dataset.manifest.text()
    for rows, ids in _pieces(dataset):
        lines = []
        for fields in _fields(rows, ids):
            policy = " ".join(map(repr, fields.pop("policy")))
            cells = {name: _cell(value) for name, value in fields.items()} | {"policy": policy}
            lines.append([*(cells[name] for name in COLUMNS[:-1]), manifest])
            manifest = ""  # in the first row alone
        yield _rows(lines)


def guarded(text: str) -> str:
    """Text that no spreadsheet runs. `unguarded` takes the apostrophe away again."""
    return f"'{text}" if text.startswith(FORMULA) else text


def unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") else text


def _pieces(dataset: Dataset) -> Iterator[tuple[np.ndarray, list[str]]]:
    for rows, ids in dataset.shards():
        for begin in range(0, len(rows), ROWS_AT_ONCE):
            yield rows[begin : begin + ROWS_AT_ONCE], ids


def _fields(rows: np.ndarray, ids: list[str]) -> Iterator[dict[str, Any]]:
    own, occupied = (rows[name].copy() for name in ("own", "occupied"))
    stones = np.bitwise_count(occupied).tolist()
    columns = {name: rows[name].tolist() for name in rows.dtype.names}
    for index, board in enumerate(digits_of_boards(write_boards(own, occupied))):
        game = columns["game"][index]
        yield {
            "board": board,
            "player": 1 + stones[index] % 2,
            "move": columns["move"][index],
            "value": _number(columns["value"][index]),
            "policy": [_number(share) for share in columns["policy"][index]],
            "weight": _number(columns["weight"][index]),
            "game_id": None if game == LOOSE else ids[game],
            "ply": stones[index],
            "count": columns["count"][index],
            "spread": _number(columns["spread"][index]),
            "outcome": OUTCOME_NAMES[columns["outcome"][index]],
            "source": SOURCES[columns["source"][index]],
            "copy": columns["copy"][index],
        }


def _number(value: float) -> float:
    """Nine digits, which say exactly which float32 it was."""
    return float(f"{value:.9g}")


def _example(fields: dict[str, Any]) -> dict[str, Any]:
    board = {"board": fields.pop("board"), "player": fields.pop("player")}
    return {"board": board} | {name: one for name, one in fields.items() if one is not None}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return guarded(value) if isinstance(value, str) else repr(value)


def _line(data: Any) -> bytes:
    return json.dumps(data, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _rows(lines: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()
