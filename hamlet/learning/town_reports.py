"""Numbers for the charts: means over the episodes since the last report."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from hamlet.learning.saved_state import load_list, load_number
from hamlet.learning.trainer import MetricsReported

EPISODES_PER_REPORT = 10
# What a saved state may hold: as many episodes may end in one step as there are environments.
MOST_ROWS, LARGEST_NUMBER = 100_000, 1e300
AVERAGED = (
    "survival_steps",
    "score",
    "return_extrinsic",
    "return_intrinsic",
    "return_shaping",
    "stage",
)


class TownReports:
    """Collects summaries until a report is due."""

    def __init__(self, shaping_terms: Sequence[str] = ()) -> None:
        self.names = (*AVERAGED, *map(term_return, shaping_terms))
        self._rows: list[list[float]] = []
        self.restart_clock(0)

    def restart_clock(self, env_steps: int) -> None:
        """Measure the pace from here on; what came before happened elsewhere or long ago."""
        self._pace_from = (env_steps, time.perf_counter())

    def add(self, summary: Mapping[str, Any]) -> None:
        self._rows.append([float(summary[name]) for name in self.names])

    @property
    def due(self) -> bool:
        return len(self._rows) >= EPISODES_PER_REPORT

    def report(self, at: int, env_steps: int, values: Mapping[str, float]) -> MetricsReported:
        """Means since the last report, named `mean_...`, and `values` of the present moment.

        Args: at: finished episodes. env_steps: of the whole run.
        """
        columns = zip(*self._rows, strict=True)
        means = {f"mean_{name}": fmean(c) for name, c in zip(self.names, columns, strict=False)}
        self._rows = []
        steps_before, moment = self._pace_from
        self.restart_clock(env_steps)
        seconds = max(self._pace_from[1] - moment, 1e-9)
        # The one number that depends on the clock on the wall; nothing is computed from it.
        pace = {"env_steps_per_s": (env_steps - steps_before) / seconds}
        return MetricsReported(at, means | dict(values) | pace)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": [list(row) for row in self._rows]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if a row is no row of these numbers."""
        rows = load_list(state["rows"], 0, MOST_ROWS, "rows")
        for index, row in enumerate(rows):
            for value in load_list(row, len(self.names), len(self.names), f"rows[{index}]"):
                load_number(value, -LARGEST_NUMBER, LARGEST_NUMBER, f"rows[{index}]")
        self._rows = [list(row) for row in rows]


def term_return(term: str) -> str:
    """Under which name a summary has what one shaping term paid in the episode."""
    return f"return_shaping_{term}"
