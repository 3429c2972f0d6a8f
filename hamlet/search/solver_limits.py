"""How long a search may take, and what it says when it may not go on."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from hamlet.errors import HamletError, Problem, SpecError
from hamlet.schema import describe

SLICE = 200_000  # nodes between two looks at the clock and at `stop`: some 20 ms

Bounds = tuple[int, int]  # the lowest and the highest score that a position can still have


class SolveTimeout(HamletError):
    """A limit was reached before the answer was proven.

    Attributes:
        bounds: for each position, or each column, what is proven of its score; None for a column
            that takes no stone. Both are the same where the score is known.
        nodes: positions looked at.
    """

    def __init__(self, reason: str, bounds: Sequence[Bounds | None], nodes: int) -> None:
        self.reason, self.bounds, self.nodes = reason, list(bounds), nodes
        known = [pair for pair in bounds if pair is not None]
        self.low = max((low for low, _ in known), default=0)
        self.high = max((high for _, high in known), default=0)
        proven = sum(low == high for low, high in known)
        detail = f"its score is from {self.low} to {self.high}"
        if len(known) != 1:
            detail = f"{proven} of {len(known)} scores are proven"
        super().__init__(f"not solved: {reason} after {nodes} nodes; {detail}. Give it more")


class SolveCancelled(SolveTimeout):
    """Somebody asked the search to stop."""


@dataclass(frozen=True)
class Limits:
    """What a question may cost. Checked when it is made. Raises: SpecError.

    Attributes:
        time_s: seconds of wall time, None for as long as it takes.
        nodes: positions to look at, None for any number.
        stop: set it, from any thread, to cancel the search.
    """

    time_s: float | None = None
    nodes: int | None = None
    stop: threading.Event | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.time_s is not None and not is_positive(self.time_s, int | float):
            message = f"found {describe(self.time_s)}; expected seconds above 0, or None"
            problems.append(Problem("time_s", message))
        if self.nodes is not None and not is_positive(self.nodes, int):
            message = f"found {describe(self.nodes)}; expected a whole number above 0, or None"
            problems.append(Problem("nodes", message))
        if self.stop is not None and not callable(getattr(self.stop, "is_set", None)):
            message = f"found {describe(self.stop)}; expected a threading.Event, or None"
            problems.append(Problem("stop", message))
        if problems:
            raise SpecError(problems)


def is_positive(value: object, kind: object) -> bool:
    return (
        isinstance(value, kind)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value > 0
    )


NO_LIMITS = Limits()


class Meter:
    """Counts what one question costs, over all its threads."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.nodes = 0
        self._end = None if limits.time_s is None else time.monotonic() + limits.time_s
        self._aborted = False
        self._lock = threading.Lock()

    def abort(self) -> None:
        """Stop the other threads of this question: one of them failed."""
        self._aborted = True

    def reason_to_stop(self) -> tuple[type[SolveTimeout], str] | None:
        if self._aborted or (self.limits.stop is not None and self.limits.stop.is_set()):
            return SolveCancelled, "cancelled"
        if self._end is not None and time.monotonic() >= self._end:
            return SolveTimeout, f"{self.limits.time_s:g} s are over"
        if self.limits.nodes is not None and self.nodes >= self.limits.nodes:
            return SolveTimeout, f"{self.limits.nodes} nodes were allowed"
        return None

    def reserve(self) -> int:
        """Nodes until the next look, taken from what is left for all threads."""
        with self._lock:
            left = SLICE if self.limits.nodes is None else self.limits.nodes - self.nodes
            reserved = max(0, min(SLICE, left))
            self.nodes += reserved
        return reserved

    def give_back(self, nodes: int) -> None:
        """Of those reserved, what was not used."""
        with self._lock:
            self.nodes -= nodes
