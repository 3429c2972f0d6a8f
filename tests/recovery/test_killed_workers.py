"""A worker is killed with -9; the run goes on and ends as if nothing had happened."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from registry.models import Checkpoint, ModelVersion
from tests.recovery.conftest import blocked, progress
from tests.running.processes import PlatformProcess
from tests.training.runs import wait_until
from tests.training.tiny_runs import TRAINING, final_weights, last_training_state, queue_tiny
from training.models import EpisodeSummary, MetricPoint, Run, RunEvent

pytestmark = pytest.mark.django_db(transaction=True)

EPISODES = 120
WORKER = Callable[..., PlatformProcess]


def queue(user, **fields) -> Run:
    training = {**TRAINING, "checkpoint_every": 20}
    return queue_tiny(user, episodes=EPISODES, training=training, **fields)


def assert_as_if_nothing_had_happened(run: Run, undisturbed: Run) -> None:
    """Weights, replay, optimiser, generators, metrics and episodes: equal to the last bit."""
    assert final_weights(run) == final_weights(undisturbed)
    assert last_training_state(run) == last_training_state(undisturbed)
    for table, fields in (
        (MetricPoint, ("name", "at", "value")),
        (EpisodeSummary, ("number", "survival_steps", "score", "stage", "reason")),
    ):
        rows = [
            # How fast it went is the one number that may differ.
            set(table.objects.filter(run=each).exclude(**speed(table)).values_list(*fields))
            for each in (run, undisturbed)
        ]
        assert rows[0] == rows[1]
    assert EpisodeSummary.objects.filter(run=run).count() == EPISODES
    assert ModelVersion.objects.filter(run_id=run.pk).count() == 1


def speed(table: type) -> dict[str, str]:
    return {"name": "env_steps_per_s"} if table is MetricPoint else {}


def ended(run: Run) -> Callable[[], bool]:
    def is_over() -> bool:
        run.refresh_from_db()
        return run.ended

    return is_over


def test_killed_at_every_named_point_in_turn(instructor, worker: WORKER, left_alone) -> None:
    undisturbed = left_alone(queue(instructor, model="undisturbed"))
    run = queue(instructor)
    points = (
        # (what it was about to write when it died)
        "training_runevent",  # the claim
        "training_episodesummary",  # the first rows
        "registry_checkpoint",  # a checkpoint whose files are stored already
        "registry_modelversion",  # the version of a finished run
    )
    for table in points:
        with blocked(table) as somebody_waits:
            current = worker()
            somebody_waits()
            current.kill_now()
        run.refresh_from_db()
        assert not run.ended
    worker()
    wait_until(ended(run), what="the end of the run")
    assert_as_if_nothing_had_happened(run, undisturbed)
    texts = RunEvent.objects.filter(run=run).values_list("text", flat=True)
    assert list(texts).count("its worker died") == 3  # at the claim it did not hold it yet


def test_a_killed_pool_process_is_replaced_at_once(instructor, worker: WORKER, left_alone) -> None:
    undisturbed = left_alone(queue(instructor, model="undisturbed"))
    run = queue(instructor)
    worker()
    for done in (1, 50):
        wait_until(progress(run, done))
        kill_holder(run)
    wait_until(ended(run), what="the end of the run")
    assert_as_if_nothing_had_happened(run, undisturbed)


def kill_holder(run: Run) -> None:
    """kill -9 of the process that holds the run, if one does."""
    import os
    import signal

    run.refresh_from_db()
    if run.lease_holder:
        os.kill(int(run.lease_holder.split("|")[4]), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_random_moments(instructor, worker: WORKER, left_alone, seed: int) -> None:
    undisturbed = left_alone(queue(instructor, model="undisturbed"))
    run = queue(instructor)
    worker()
    moments = random.Random(seed)
    for done in sorted(moments.sample(range(EPISODES), 6)):
        wait_until(progress(run, done))
        kill_holder(run)
    wait_until(ended(run), timeout_s=120, what="the end of the run")
    assert_as_if_nothing_had_happened(run, undisturbed)
    assert Checkpoint.objects.filter(run_id=run.pk, kind="training").count() == 2
