"""Timing that stays fair on a machine that is not quiet: contestants take turns."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tqdm import tqdm


@dataclass(frozen=True)
class Spread:
    """Repeated measurements of one thing. Shown as the median, with the lowest and the highest."""

    values: tuple[float, ...]
    unit: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)

    def to_data(self) -> dict[str, Any]:
        return {"median": self.median, "unit": self.unit, "values": list(self.values)}


def take_turns(
    contestants: Mapping[str, Callable[[], float]], rounds: int, *, unit: str = ""
) -> dict[str, Spread]:
    """Measure each contestant once a round, so that what disturbs one disturbs all.

    The order turns round from one round to the next: nobody always goes first.

    Args:
        contestants: name -> a function that does the work and returns its figure.
        rounds: at least 1.
    """
    values: dict[str, list[float]] = {name: [] for name in contestants}
    order = list(contestants)
    bar = tqdm(total=rounds * len(order), unit="run", disable=None, leave=False, file=sys.stderr)
    with bar:
        for _ in range(rounds):
            for name in order:
                bar.set_description(name)
                values[name].append(contestants[name]())
                bar.update()
            order.reverse()
    return {name: Spread(tuple(found), unit) for name, found in values.items()}


def ratio(ours: Spread, peer: Spread) -> Spread:
    """Ours divided by the peer's, round by round: both of a round met the same machine."""
    pairs = zip(ours.values, peer.values, strict=True)
    return Spread(tuple(mine / theirs for mine, theirs in pairs), "x")


# `cpu` counts the time this process had a core: nearly blind to other work on the machine, but
# also to waiting, so it suits one thread of pure computing and nothing else.
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


def rate(
    work: Callable[[], int], seconds: float, *, clock: str = "wall", at_least: int = 3
) -> float:
    """Units of work per second.

    Args:
        work: does a small piece and returns how many units it was.
        seconds: pieces are repeated until this much time has passed,
        at_least: and as often as this. clock: one of CLOCKS.
    """
    now = CLOCKS[clock]
    done = pieces = 0
    settle()
    start = now()
    while pieces < at_least or now() - start < seconds:
        done += work()
        pieces += 1
    settle()
    return done / (now() - start)


def settle() -> None:
    """Wait for the GPU, which goes on working after a call has returned."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def median_ms(
    work: Callable[[], Any], repetitions: int, *, before: Callable[[], None] | None = None
) -> float:
    """Median wall time of several calls in milliseconds; `before` runs untimed before each."""
    found = []
    for _ in range(repetitions):
        if before is not None:
            before()
        start = time.perf_counter()
        work()
        found.append((time.perf_counter() - start) * 1e3)
    return statistics.median(found)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` percent of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 100))
    return ordered[int(rank) - 1]
