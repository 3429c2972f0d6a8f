"""Ctrl-C of `make up`, a supervisor's SIGTERM, pause and cancel: the run is saved on the spot."""

from __future__ import annotations

import os
import signal

import pytest

from registry.models import Checkpoint
from tests.recovery.steady import (
    Worker,
    assert_as_if_nothing_had_happened,
    becomes,
    left_alone,
    queue,
    reaches,
)
from training import services
from training.models import RunStatus

pytestmark = pytest.mark.django_db(transaction=True)
# Far apart, so that the checkpoint seen is the one that the stop made.
RARELY = {"num_envs": 2, "learning_starts": 16, "checkpoint_every": 1000}
STOPS = {
    "SIGTERM to the worker": lambda worker: os.kill(worker.pid, signal.SIGTERM),
    "SIGTERM to all its processes": lambda worker: os.killpg(worker.pid, signal.SIGTERM),
    "Ctrl-C": lambda worker: os.killpg(worker.pid, signal.SIGINT),
    "its parent killed with -9": lambda worker: os.kill(worker.pid, signal.SIGKILL),
}


@pytest.mark.parametrize("stop", STOPS)
def test_a_stopped_worker_hands_the_run_back(instructor, worker: Worker, stop: str) -> None:
    undisturbed = left_alone(instructor, training=RARELY)
    run = queue(instructor, training=RARELY)
    first = worker()
    reaches(run, 30)
    STOPS[stop](first)
    becomes(run, RunStatus.QUEUED)
    first.process.wait(timeout=30)
    saved = Checkpoint.objects.get(run_id=run.pk, kind="training")
    assert saved.at == run.done >= 30
    assert run.attempts == 0
    worker()
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert_as_if_nothing_had_happened(run, undisturbed)


def test_a_pause_saves_and_a_resume_goes_on_from_there(instructor, worker: Worker) -> None:
    undisturbed = left_alone(instructor, training=RARELY)
    run = queue(instructor, training=RARELY)
    worker()
    reaches(run, 30)
    services.pause_run(run, instructor)
    becomes(run, RunStatus.PAUSED)
    done = run.done
    assert Checkpoint.objects.get(run_id=run.pk, kind="training").at == done
    assert Checkpoint.objects.get(run_id=run.pk, kind="inference").at == done
    services.resume_run(run, instructor)
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert_as_if_nothing_had_happened(run, undisturbed)


def test_a_cancelled_run_keeps_a_last_checkpoint_and_its_rows(instructor, worker: Worker) -> None:
    run = queue(instructor, training=RARELY)
    worker()
    reaches(run, 30)
    services.cancel_run(run, instructor)
    becomes(run, RunStatus.CANCELLED)
    assert 30 <= run.done < run.total
    assert Checkpoint.objects.get(run_id=run.pk, kind="inference").at == run.done
    assert run.episodes.count() == run.done
    assert run.version is None
