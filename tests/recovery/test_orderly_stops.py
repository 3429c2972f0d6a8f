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


def test_a_stopped_worker_hands_the_run_back(instructor, worker: Worker) -> None:
    """In every way of stopping, one after the other on one run."""
    undisturbed = left_alone(instructor, training=RARELY)
    run = queue(instructor, training=RARELY)
    for number, (way, stop) in enumerate(STOPS.items(), start=1):
        stopped = worker()
        reaches(run, 20 * number)
        stop(stopped)
        becomes(run, RunStatus.QUEUED)
        stopped.process.wait(timeout=60)
        saved = Checkpoint.objects.filter(run_id=run.pk, kind="training").latest("at")
        assert saved.at == run.done >= 20 * number, way
        assert run.attempts == 0, way
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
