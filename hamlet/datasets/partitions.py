"""Rows kept in files by the hash of their position, so that all rows of one position meet.

Each file is small enough to be held in memory, however many rows there are in all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hamlet.datasets.rows import ROW, canonical_keys_of

PARTITIONS = 64
BUFFERED_ROWS = 32_768


class Partitions:
    """Files of rows below one folder, written first and read afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.waiting: list[np.ndarray] = []

    def add(self, rows: np.ndarray) -> None:
        self.waiting.append(rows)
        if sum(map(len, self.waiting)) >= BUFFERED_ROWS:
            self._spill()

    def finish(self) -> None:
        self._spill()

    def __iter__(self) -> Iterator[np.ndarray]:
        """The rows of each file, in the order they were added."""
        for part in range(PARTITIONS):
            if self._path(part).exists():
                yield np.fromfile(self._path(part), dtype=ROW)

    def _spill(self) -> None:
        if not self.waiting:
            return
        rows = np.concatenate(self.waiting)
        self.waiting = []
        part = partition_of(canonical_keys_of(rows))
        order = np.argsort(part, kind="stable")
        ends = np.cumsum(np.bincount(part, minlength=PARTITIONS))
        for number, (begin, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            if end > begin:
                with open(self._path(number), "ab") as file:
                    rows[order[begin:end]].tofile(file)

    def _path(self, part: int) -> Path:
        return self.folder / f"{part:02d}.rows"


def partition_of(keys: np.ndarray) -> np.ndarray:
    """[N] 0 to 63. Source of the factor: Knuth, The Art of Computer Programming 3, section 6.4,
    multiplicative hashing by the golden ratio."""
    return ((keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58)).astype(int)
