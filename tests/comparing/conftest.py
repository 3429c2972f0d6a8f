"""Runs and versions to be put beside each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from registry.models import Classroom, User
from tests.training.runs import make_run
from training.models import MetricPoint, Run
from training.run_writer import copy_rows


@pytest.fixture
def runs_of_class(instructor: User, classroom: Classroom) -> Callable[..., Run]:
    """Make a run of the class: `runs_of_class(seed=1, gamma=0.9, metrics={...}, points={...})`.

    points: by metric, pairs of place and value.
    """

    def make(
        *,
        seed: int = 1,
        gamma: float = 0.99,
        metrics: Mapping[str, float] | None = None,
        points: Mapping[str, list[tuple[int, float]]] | None = None,
        **fields: Any,
    ) -> Run:
        content = {"level": {"name": "L0"}, "brain": {"gamma": gamma, "layers": [8, 8]}}
        spec = {"seed": seed, "budget": 500, "trainer": "dqn", "content": content}
        newest = {name: pairs[-1][1] for name, pairs in (points or {}).items()}
        latest = {name: value for name, value in newest.items() if math.isfinite(value)}
        run = make_run(
            owner=fields.pop("owner", instructor),
            classroom=fields.pop("classroom", classroom),
            spec=spec,
            latest_metrics={**latest, **(metrics or {})},
            **fields,
        )
        rows = [(run.pk, n, at, v) for n, pairs in (points or {}).items() for at, v in pairs]
        copy_rows(MetricPoint, ("run", "name", "at", "value"), rows)
        return run

    return make
