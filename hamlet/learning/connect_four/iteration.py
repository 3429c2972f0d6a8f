"""Where a run of self-play stands within its epoch: play, learn, then perhaps a match."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from hamlet.errors import CheckpointError
from hamlet.learning.saved_state import OTHER_RUN, load_whole
from hamlet.schema import describe

PLAY, LEARN, GATE, FIT, REANALYSE = "play", "learn", "gate", "fit", "reanalyse"
COUNTS = ("games", "plies", "updates_left", "renewals_left", "iterations")
MOST = 10**12


class Iteration:
    """Attributes:
    phase: what the next unit of work is. games, plies: finished in this epoch.
    updates_left, renewals_left: of this epoch, once it comes to them. iterations: of self-play,
        finished.
    """

    def __init__(self, phase: str, phases: tuple[str, ...]) -> None:
        self.phase, self.phases = phase, phases
        self.games = self.plies = self.updates_left = self.renewals_left = self.iterations = 0
        self.stopwatch = Stopwatch()

    def count_game(self, plies: int) -> None:
        self.games += 1
        self.plies += plies

    def metrics(self) -> dict[str, float]:
        """Of the epoch that ends."""
        return {"mean_plies": self.plies / max(1, self.games), **self.stopwatch.take()}

    def next_epoch(self, phase: str) -> None:
        self.phase = phase
        self.games = self.plies = self.updates_left = self.renewals_left = 0

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("phase", *COUNTS)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        if state["phase"] not in self.phases:
            message = f"found {describe(state['phase'])}; expected one of {', '.join(self.phases)}"
            raise CheckpointError(f"phase: {message}. {OTHER_RUN}")
        self.phase = state["phase"]
        for name in COUNTS:
            setattr(self, name, load_whole(state[name], 0, MOST, name))


class Stopwatch:
    """Rates, as `<what>_per_s`; counted in this process alone, so a resumed epoch has them too."""

    def __init__(self) -> None:
        self._spent: dict[str, tuple[float, float]] = {}
        self.started = 0.0

    def start(self) -> None:
        self.started = time.perf_counter()

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self.started

    def stop(self, **counts: float) -> None:
        """Args: counts: what was done since `start`, by the names of the rates."""
        for what, count in counts.items():
            seconds, total = self._spent.get(what, (0.0, 0.0))
            self._spent[what] = seconds + self.elapsed_s, total + count

    def take(self) -> dict[str, float]:
        spent, self._spent = self._spent, {}
        return {
            f"{what}_per_s": count / max(seconds, 1e-9) for what, (seconds, count) in spent.items()
        }
