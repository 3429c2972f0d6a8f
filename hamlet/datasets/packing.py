"""The moves of a game in 3 bits each: 42 moves take 16 bytes."""

from __future__ import annotations

from collections.abc import Sequence

from hamlet.datasets.errors import DatasetError
from hamlet.envs.connect_four.position import CELLS, COLUMNS

BITS = 3
END = 7  # no column; fills the last byte, so that no length need be stored


def pack_moves(columns: Sequence[int]) -> bytes:
    """Columns 0 to 6, first move in the highest bits.

    Raises: DatasetError for more than 42 moves or another number.
    """
    if len(columns) > CELLS:
        raise DatasetError(f"found {len(columns)} moves; expected at most {CELLS}")
    number = 0
    for ply, column in enumerate(columns):
        if isinstance(column, bool) or not isinstance(column, int) or not 0 <= column < COLUMNS:
            raise DatasetError(f"ply {ply}: found column {column!r}; expected 0 to 6")
        number = number << BITS | column
    spare = -BITS * len(columns) % 8
    number = (number << spare) | ((1 << spare) - 1)
    return number.to_bytes((BITS * len(columns) + spare) // 8, "big")


def unpack_moves(packed: bytes) -> list[int]:
    """The columns that `pack_moves` was given.

    Raises: DatasetError if the bytes are not what it writes.
    """
    number, bits = int.from_bytes(packed, "big"), 8 * len(packed)
    columns = [number >> shift & END for shift in range(bits - BITS, -1, -BITS)]
    while columns and columns[-1] == END:
        columns.pop()
    if END in columns or len(columns) > CELLS or pack_moves(columns) != packed:
        raise DatasetError(f"{len(packed)} bytes are not the packed moves of a game")
    return columns
