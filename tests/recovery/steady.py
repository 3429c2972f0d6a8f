"""Runs to disturb, and what must be equal afterwards."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from registry.models import ModelVersion, User
from tests.training.runs import wait_until
from tests.training.tiny_runs import TRAINING, final_weights, last_training_state, queue_tiny
from training import execution
from training.models import EpisodeSummary, MetricPoint, Run

EPISODES = 120
CHECKPOINT_EVERY = 20


def queue(user: User, **fields: object) -> Run:
    training = {**TRAINING, "checkpoint_every": CHECKPOINT_EVERY}
    return queue_tiny(user, **{"episodes": EPISODES, "training": training, **fields})


def left_alone(user: User, **fields: object) -> Run:
    """The same run, executed in this process without any interruption."""
    run = queue(user, model="undisturbed", **fields)
    execution.execute(run.pk)
    run.refresh_from_db()
    assert run.status == "succeeded", run.reason
    return run


def assert_as_if_nothing_had_happened(run: Run, undisturbed: Run) -> None:
    """Weights, replay, optimiser, generators, metrics and episodes: equal to the last bit."""
    assert final_weights(run) == final_weights(undisturbed)
    assert last_training_state(run) == last_training_state(undisturbed)
    for rows in (metrics, episodes):
        assert rows(run) == rows(undisturbed)
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
