"""Perfect play: the exact score of any position of Connect Four.

A score is worth 22 minus the stones that the winner will have played (P. Pons's scoring), negative
if the side to move loses, 0 for a draw: 1 wins with the last stone but one, 18 with the fourth.
A position in which the game is over has a score too, that of the side which would be to move.

The search itself is in `solver_kernel`; here are its memory, its limits and its threads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from hamlet.envs.connect_four.position import COLUMNS, Position
from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from hamlet.search.opening_book import OpeningBook, shipped_book
from hamlet.search.solver_kernel import BEST, LOW
from hamlet.search.solver_limits import (
    NO_LIMITS,
    Bounds,
    Limits,
    Meter,
    SolveCancelled,
    SolveTimeout,
)
from hamlet.search.solver_memory import TABLE_MIB, SearchMemory, bounds_of
from hamlet.search.solver_positions import task_rows

__all__ = ["Limits", "SolveCancelled", "SolveTimeout", "Solver"]

EXACT = (-BEST - 1, BEST + 1)  # windows of interest: the score itself,
OUTCOME = (-1, 1)  # or only whether it is below, at or above 0
AT_ONCE = 64  # positions a thread takes at a time
MOST_WORKERS = 256


class Solver:
    """Answers questions about positions, and remembers what it found on the way.

    Answers do not depend on what was asked before, only the time they take does. Any number of
    threads may ask the same solver.
    """

    def __init__(
        self,
        *,
        table_mib: int = TABLE_MIB,
        tables: int | None = None,
        book: OpeningBook | str | None = "shipped",
    ) -> None:
        """
        Args:
            table_mib: memory of one table of positions, rounded down to a power of two.
            tables: how many there are at most, one for each thread that is searching; further
                threads wait for one. None: as many as the machine has cores.
            book: scores of openings; None: search everything; "shipped": the library's own.
        Raises: SpecError for numbers out of range.
        """
        self.book = shipped_book() if book == "shipped" else book
        self._memory = SearchMemory(self.book, table_mib=table_mib, tables=tables)

    @property
    def nodes(self) -> int:
        """Positions looked at so far, for all questions that were answered."""
        return self._memory.nodes

    def forget(self) -> None:
        """Begin anew, in the same memory: for whoever measures what a question costs."""
        self._memory.forget()

    def solve(self, position: Position, limits: Limits = NO_LIMITS) -> int:
        """The score of a position.

        Raises: SpecError if it is none; SolveTimeout, SolveCancelled with the bounds proven so far.
        """
        return self._bounds(position, EXACT, Meter(limits))[0]

    def outcome(self, position: Position, limits: Limits = NO_LIMITS) -> int:
        """1 if the side to move wins, 0 for a draw, -1 if it loses: cheaper than the score.

        Raises: as `solve`.
        """
        return outcome_of(self._bounds(position, OUTCOME, Meter(limits)))

    def score_columns(self, position: Position, limits: Limits = NO_LIMITS) -> list[int | None]:
        """For each column the score, for the side to move, of playing there; None where no stone
        falls. A game that is over has seven times None.

        Raises: as `solve`; the bounds are then those of the columns.
        """
        found = self._column_bounds(position, EXACT, Meter(limits))
        return [None if bounds is None else bounds[0] for bounds in found]

    def outcome_columns(self, position: Position, limits: Limits = NO_LIMITS) -> list[int | None]:
        """As `score_columns`, with 1, 0 and -1 in place of scores."""
        found = self._column_bounds(position, OUTCOME, Meter(limits))
        return [None if bounds is None else outcome_of(bounds) for bounds in found]

    def best_columns(
        self, position: Position, by: str = "score", limits: Limits = NO_LIMITS
    ) -> list[int]:
        """The columns that perfect play may choose, from the left.

        Args: by: "score": win soonest, lose latest; "wdl": keep the win or the draw, however long
            it takes. A lost position keeps nothing, so every legal column is as good.
        Raises: as `solve`.
        """
        return self.judge(position, by, limits)[1]

    def judge(
        self, position: Position, by: str = "score", limits: Limits = NO_LIMITS
    ) -> tuple[int, list[int]]:
        """The score, or by "wdl" the outcome, of a position, and its best columns: for less than
        `score_columns` takes. Arguments and errors are those of `best_columns`."""
        if by not in ("score", "wdl"):
            message = f'found {describe(by)}; expected "score" or "wdl"'
            raise SpecError([Problem("by", message)])
        meter = Meter(limits)
        bounds = self._bounds(position, EXACT if by == "score" else OUTCOME, meter)
        best = bounds[0] if by == "score" else outcome_of(bounds)
        if by == "wdl" and best == -1:
            return best, position.legal_columns()
        # One question a column: is it worth at least as much?
        found = self._column_bounds(position, (best - 1, best), meter)
        columns = [column for column, of in enumerate(found) if of is not None and of[0] >= best]
        return best, columns

    def solve_batch(
        self,
        positions: Sequence[Position],
        workers: int = 1,
        limits: Limits = NO_LIMITS,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[int]:
        """The score of each position.

        Args:
            workers: threads; each takes a table of its own, so no more than `tables` help.
            limits: of all positions together.
            on_progress: called with the number of positions solved since the last call, in the
                thread that solved them.
        Raises: as `solve`; the bounds are those of all positions.
        """
        whole = isinstance(workers, int) and not isinstance(workers, bool)
        if not whole or not 1 <= workers <= MOST_WORKERS:
            message = f"found {describe(workers)}; expected 1 to {MOST_WORKERS} threads"
            raise SpecError([Problem("workers", message)])
        tasks = task_rows(positions, EXACT)
        meter = Meter(limits)
        try:
            self._share_out(tasks, workers, meter, on_progress)
        except SolveTimeout as error:
            raise type(error)(error.reason, bounds_of(tasks), meter.nodes) from None
        return tasks[:, LOW].tolist()

    def _share_out(
        self,
        tasks: np.ndarray,
        workers: int,
        meter: Meter,
        on_progress: Callable[[int], None] | None,
    ) -> None:
        def narrow(begin: int) -> None:
            some = tasks[begin : begin + AT_ONCE]
            try:
                self._memory.narrow(some, meter)
                if on_progress:
                    on_progress(len(some))
            except BaseException:
                meter.abort()
                raise

        begins = range(0, len(tasks), AT_ONCE)
        if workers == 1:
            for begin in begins:
                narrow(begin)
            return
        with ThreadPoolExecutor(min(workers, max(1, len(begins)))) as pool:
            found = [pool.submit(narrow, begin) for begin in begins]
        raise_first(future.exception() for future in found)

    def _bounds(self, position: Position, window: Bounds, meter: Meter) -> Bounds:
        tasks = task_rows([position], window)
        self._memory.narrow(tasks, meter)
        return bounds_of(tasks)[0]

    def _column_bounds(
        self, position: Position, window: Bounds, meter: Meter
    ) -> list[Bounds | None]:
        """Of the score of each column, for the side to move. Args: window: as in a task."""
        task_rows([position], window)  # refuses what is no position
        columns = position.legal_columns()
        below, above = window
        tasks = task_rows([position.play(column) for column in columns], (-above, -below))
        try:
            self._memory.narrow(tasks, meter)
        except SolveTimeout as error:
            bounds = by_column(columns, tasks)
            raise type(error)(error.reason, bounds, meter.nodes) from None
        return by_column(columns, tasks)


def by_column(columns: Sequence[int], tasks: np.ndarray) -> list[Bounds | None]:
    """Bounds of the successors, seen by the side that moves there."""
    found: list[Bounds | None] = [None] * COLUMNS
    for column, (low, high) in zip(columns, bounds_of(tasks), strict=True):
        found[column] = (-high, -low)
    return found


def outcome_of(bounds: Bounds) -> int:
    """Win, draw or loss of bounds that do not reach over 0 from below to above."""
    low, high = bounds
    return (low > 0) - (high < 0)


def raise_first(errors: Iterable[BaseException | None]) -> None:
    """Raise what went wrong; threads that only stopped because of it come last."""
    found = [error for error in errors if error is not None]
    found.sort(key=lambda error: isinstance(error, SolveCancelled))
    if found:
        raise found[0]


@functools.cache
def shared_solver() -> Solver:
    """The solver of this process behind the functions below."""
    return Solver()


def solve(position: Position, limits: Limits = NO_LIMITS) -> int:
    """As `Solver.solve`."""
    return shared_solver().solve(position, limits)


def score_columns(position: Position, limits: Limits = NO_LIMITS) -> list[int | None]:
    """As `Solver.score_columns`."""
    return shared_solver().score_columns(position, limits)


def best_columns(position: Position, by: str = "score", limits: Limits = NO_LIMITS) -> list[int]:
    """As `Solver.best_columns`."""
    return shared_solver().best_columns(position, by, limits)


def solve_batch(
    positions: Sequence[Position], workers: int = 1, limits: Limits = NO_LIMITS
) -> list[int]:
    """As `Solver.solve_batch`."""
    return shared_solver().solve_batch(positions, workers, limits)


def warm_up() -> None:
    """Compile, or load what was compiled before: else the first question waits for it."""
    shared_solver().solve(Position.after((3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4)))
