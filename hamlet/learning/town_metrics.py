"""Numbers for the charts: means over the episodes since the last report."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

EPISODES_PER_REPORT = 10
AVERAGED = (
    "survival_steps",
    "score",
    "return_extrinsic",
    "return_intrinsic",
    "return_shaping",
    "stage",
)


class EpisodeMeans:
    """Collects summaries until a report is due."""

    def __init__(self) -> None:
        self._rows: list[list[float]] = []

    def add(self, summary: Mapping[str, Any]) -> None:
        self._rows.append([float(summary[name]) for name in AVERAGED])

    @property
    def due(self) -> bool:
        return len(self._rows) >= EPISODES_PER_REPORT

    def __len__(self) -> int:
        return len(self._rows)

    def take(self) -> dict[str, float]:
        """Mean of each number since the last report, named `mean_...`."""
        columns = zip(*self._rows, strict=True)
        means = {f"mean_{name}": fmean(c) for name, c in zip(AVERAGED, columns, strict=True)}
        self._rows = []
        return means

    def state_dict(self) -> dict[str, Any]:
        return {"rows": [list(row) for row in self._rows]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._rows = [list(row) for row in state["rows"]]
