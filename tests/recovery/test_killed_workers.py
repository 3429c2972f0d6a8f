"""A worker is killed with -9; the run goes on and ends as if nothing had happened."""

from __future__ import annotations

import random
import signal
from contextlib import ExitStack

import pytest

from registry.artifacts.disk import path_of
from registry.models import Checkpoint
from tests.recovery.conftest import blocked
from tests.recovery.steady import (
    EPISODES,
    Worker,
    assert_as_if_nothing_had_happened,
    becomes,
    left_alone,
    queue,
    reaches,
    signal_holder,
)
from tests.training.runs import wait_until
from tests.training.tiny_runs import CLIMBING, TRAINING
from training.models import RunEvent, RunStatus

pytestmark = pytest.mark.django_db(transaction=True)

# What a worker was about to write when it died.
POINTS = (
    "training_runevent",  # the claim
    "training_episodesummary",  # the first rows
    "registry_checkpoint",  # a checkpoint whose files are stored already
    "registry_modelversion",  # the version of a finished run
)


def test_killed_at_every_named_point_in_turn(instructor, worker: Worker) -> None:
    undisturbed = left_alone(instructor)
    run = queue(instructor)
    for table in POINTS:
        with blocked(table) as somebody_waits:
            current = worker()
            somebody_waits()
            current.kill_now()
        run.refresh_from_db()
        assert not run.ended
    worker()
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert_as_if_nothing_had_happened(run, undisturbed)
    # No lease had to lapse: the next worker saw that its predecessor was dead. At the claim
    # there was no lease yet.
    texts = list(RunEvent.objects.filter(run=run).values_list("text", flat=True))
    assert texts.count("its worker died") == len(POINTS) - 1


def test_a_killed_pool_process_is_replaced_at_once(instructor, worker: Worker) -> None:
    undisturbed = left_alone(instructor)
    run = queue(instructor)
    worker()
    for done in (1, 50):
        reaches(run, done)
        signal_holder(run, signal.SIGKILL)
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert_as_if_nothing_had_happened(run, undisturbed)


@pytest.mark.slow(30)
def test_killed_around_changes_of_the_curriculum(instructor, worker: Worker) -> None:
    """The stages are those of tests/training/test_changing_stages.py; saved at every 20th episode,
    so the first change, at episode 25, is between two checkpoints."""
    training = {**TRAINING, **CLIMBING}
    undisturbed = left_alone(instructor, training=training)
    assert [at for at, *_ in undisturbed.stages] == [25, 51, 77, 103]
    run = queue(instructor, training=training)
    with ExitStack() as until_change:
        with blocked("registry_checkpoint") as somebody_saves:
            current = worker()
            somebody_saves()  # at episode 20, or a moment later; no change is written yet
            somebody_changes = until_change.enter_context(blocked("training_runevent"))
        somebody_changes()
        current.kill_now()
    run.refresh_from_db()
    assert not run.events.filter(kind="stage").exists()
    worker()
    for done in (60, 100):  # each after a change that was written
        reaches(run, done)
        signal_holder(run, signal.SIGKILL)
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert_as_if_nothing_had_happened(run, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_random_moments(instructor, worker: Worker, seed: int) -> None:
    undisturbed = left_alone(instructor)
    run = queue(instructor)
    worker()
    for done in sorted(random.Random(seed).sample(range(EPISODES - 10), 6)):
        reaches(run, done)
        signal_holder(run, signal.SIGKILL)
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED, timeout_s=180)
    assert_as_if_nothing_had_happened(run, undisturbed)


def test_a_run_that_kills_every_worker_fails_with_a_reason(instructor, worker: Worker) -> None:
    run = queue(instructor)
    worker(env={"HAMLET_RUN_MAX_ATTEMPTS": "2"})
    first = signal_holder(run, signal.SIGKILL)

    def second_holder() -> bool:
        run.refresh_from_db()
        return run.lease_holder and int(run.lease_holder.split("|")[4]) != first

    wait_until(second_holder, what="the next worker")
    signal_holder(run, signal.SIGKILL)
    becomes(run, RunStatus.FAILED)
    assert run.reason.startswith("2 workers in a row died on this run before it got further")


def test_a_damaged_checkpoint_costs_the_way_back_to_the_one_before(
    instructor, worker: Worker
) -> None:
    undisturbed = left_alone(instructor)
    run = queue(instructor)
    current = worker()
    reaches(run, 50)
    current.kill_now()
    newest, before = Checkpoint.objects.filter(run_id=run.pk, kind="training").order_by("-at")
    path = path_of(newest.artifact_id)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    worker()
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert_as_if_nothing_had_happened(run, undisturbed)
    note = RunEvent.objects.get(run=run, kind="note")
    assert note.text == (
        f"the training checkpoint at episode {newest.at} is damaged; went back to the one before"
    )
    assert note.at_unit == before.at
