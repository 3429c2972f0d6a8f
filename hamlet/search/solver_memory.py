"""What the compiled search works in: tables that are lent to one thread at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from hamlet.search.opening_book import OpeningBook
from hamlet.search.solver_kernel import (
    BOOK_STONES,
    DEPTH,
    FRAME,
    FRAMES,
    HIGH,
    LOW,
    NODES,
    PROGRESS,
    Memory,
)
from hamlet.search.solver_limits import Bounds, Meter
from hamlet.search.solver_tasks import solve_tasks

TABLE_MIB = 32
MOST_TABLE_MIB = 2**16
MOST_TABLES = 256
ENTRY_BYTES = 8


class SearchMemory:
    """Tables of positions, at most `tables` of `table_mib` each, and the opening book.

    A table is made when it is first needed and kept: what was proven stays true.
    """

    def __init__(self, book: OpeningBook | None, *, table_mib: int, tables: int | None) -> None:
        """Raises: SpecError for numbers out of range."""
        tables = (os.cpu_count() or 1) if tables is None else tables
        problems = [
            Problem(name, f"found {describe(value)}; expected a whole number from 1 to {most}")
            for name, value, most in (
                ("table_mib", table_mib, MOST_TABLE_MIB),
                ("tables", tables, MOST_TABLES),
            )
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most
        ]
        if problems:
            raise SpecError(problems)
        self.entries = 1 << ((table_mib * 2**20 // ENTRY_BYTES).bit_length() - 1)
        self._book_stones = -1 if book is None else book.plies
        self._book_keys = np.zeros(0, np.int64) if book is None else book.keys
        self._book_scores = np.zeros(0, np.int8) if book is None else book.scores
        self.nodes = 0  # looked at by questions that were answered
        self._free: list[np.ndarray] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(tables)

    def narrow(self, tasks: np.ndarray, meter: Meter) -> None:
        """Solve tasks within what the meter allows.

        Raises: SolveTimeout, SolveCancelled; what was found stands in the tasks either way.
        """
        progress = np.zeros(PROGRESS, np.int64)
        progress[DEPTH], progress[BOOK_STONES] = -1, self._book_stones
        with self._table() as table:
            frames = np.zeros((FRAMES, FRAME), np.int64)
            memory = Memory(frames, progress, table, self._book_keys, self._book_scores)
            ready = False
            while not ready:
                refuse_more(meter, tasks)
                most = int(progress[NODES]) + meter.reserve()
                ready = solve_tasks(tasks, memory, most)
                meter.give_back(most - int(progress[NODES]))
            with self._lock:
                self.nodes += int(progress[NODES])

    def forget(self) -> None:
        """Empty the tables that nobody is searching with."""
        with self._lock:
            for table in self._free:
                table.fill(0)

    @contextmanager
    def _table(self) -> Iterator[np.ndarray]:
        with self._places:
            with self._lock:
                table = self._free.pop() if self._free else None
            if table is None:
                table = np.zeros(self.entries, np.int64)
            try:
                yield table
            finally:
                with self._lock:
                    self._free.append(table)


def refuse_more(meter: Meter, tasks: np.ndarray) -> None:
    """Raises: SolveTimeout or SolveCancelled if a limit is reached."""
    if reason := meter.reason_to_stop():
        kind, text = reason
        raise kind(text, bounds_of(tasks), meter.nodes)


def bounds_of(tasks: np.ndarray) -> list[Bounds]:
    return [(low, high) for low, high in tasks[:, (LOW, HIGH)].tolist()]
