"""Runs to disturb, and what must be equal afterwards."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, fields

from registry.models import ModelVersion, User
from tests.training.runs import wait_until
from tests.training.tiny_runs import TRAINING, final_weights, last_training_state, queue_tiny
from training import execution
from training.models import EpisodeSummary, MetricPoint, Replay, Run, RunEvent

EPISODES = 120
CHECKPOINT_EVERY = 20


def queue(user: User, **fields: object) -> Run:
    training = {**TRAINING, "checkpoint_every": CHECKPOINT_EVERY}
    return queue_tiny(user, **{"episodes": EPISODES, "training": training, **fields})


@dataclass(frozen=True)
class Ending:
    """What a run leaves behind, to the last bit: weights, replay, optimiser, generators, rows."""

    weights: dict[str, list]
    state: dict[str, object]
    metrics: list[tuple]
    episodes: list[tuple]
    stages: list[tuple]
    replays: list[tuple]


_undisturbed: dict[str, Ending] = {}


def left_alone(user: User, **fields: object) -> Ending:
    """How the same run ends when it is executed in this process without any interruption."""
    key = repr(sorted(fields.items()))
    if key not in _undisturbed:
        run = queue(user, model="undisturbed", **fields)
        execution.execute(run.pk)
        _undisturbed[key] = ending_of(run)
    return _undisturbed[key]


def ending_of(run: Run) -> Ending:
    return Ending(
        weights=final_weights(run),
        state=last_training_state(run),
        metrics=metrics(run),
        episodes=episodes(run),
        stages=list(
            RunEvent.objects.filter(run=run, kind=RunEvent.Kind.STAGE)
            .order_by("pk")
            .values_list("at_unit", "text", "data")
        ),
        replays=list(
            Replay.objects.filter(run=run)
            .order_by("number")
            .values_list("number", "reasons", "survival_steps", "score", "stage")
        ),
    )


def assert_as_if_nothing_had_happened(run: Run, undisturbed: Ending) -> None:
    found = ending_of(run)
    for part in fields(Ending):
        assert getattr(found, part.name) == getattr(undisturbed, part.name), part.name
    assert ModelVersion.objects.filter(run_id=run.pk).count() == 1


def metrics(run: Run) -> list[tuple]:
    # How fast it went is the one number that may differ.
    points = MetricPoint.objects.filter(run=run).exclude(name="env_steps_per_s")
    return sorted(points.values_list("name", "at", "value"))


def episodes(run: Run) -> list[tuple]:
    found = EpisodeSummary.objects.filter(run=run).order_by("number")
    rows = list(found.values_list("number", "survival_steps", "score", "stage", "summary"))
    assert [row[0] for row in rows] == list(range(1, run.total + 1))
    return rows


def reaches(run: Run, done: int) -> None:
    """Wait until the run is so far, or has ended."""

    def reached() -> bool:
        run.refresh_from_db()
        return run.done >= done or run.ended

    wait_until(reached, what=f"episode {done}")


def becomes(run: Run, *statuses: str, timeout_s: float = 90.0) -> None:
    def is_it() -> bool:
        run.refresh_from_db()
        return run.status in statuses

    wait_until(is_it, timeout_s, what=f"a run that is {' or '.join(statuses)}, not {run.status}")


def holder_pid(run: Run) -> int | None:
    run.refresh_from_db()
    return int(run.lease_holder.split("|")[4]) if run.lease_holder else None


def signal_holder(run: Run, number: signal.Signals) -> int:
    """Send a signal to the process that holds the run. Returns: its pid."""
    pid = wait_until(lambda: holder_pid(run), what="a worker that holds the run")
    os.kill(pid, number)
    return pid


Worker = Callable[..., object]
