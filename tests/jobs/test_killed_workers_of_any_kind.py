"""A worker that is killed with -9 in the middle of a long job: the next one goes on, and every
piece of work is done exactly once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry.jobs import leases, services
from registry.jobs.models import Job, JobStatus
from registry.models import User
from tests.jobs.conftest import QUICK
from tests.jobs.counting import COUNTING, made
from tests.jobs.rows import becomes, holder_pid
from tests.running.processes import PlatformProcess
from tests.training.runs import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 400
Worker = Callable[..., PlatformProcess]


@pytest.fixture
def worker(redis_url: str, artifact_dir: object, tmp_path: Path) -> Iterator[Worker]:
    """Start a worker for long jobs that knows the kind of these tests."""
    running: list[PlatformProcess] = []

    def start(name: str = "one") -> PlatformProcess:
        log = tmp_path / f"{name}.log"
        log.unlink(missing_ok=True)
        arguments = ["-m", "celery", "-A", "hamletweb", "worker", "-Q", "work", "-c", "1"]
        arguments += ["-I", "tests.jobs.counting", "-l", "INFO", "-n", f"{name}@test"]
        running.append(PlatformProcess(arguments, log, QUICK))
        running[-1].wait_for_output(" ready.")
        return running[-1]

    yield start
    for process in running:
        process.kill_now()


@pytest.fixture
def job(instructor: User, worker: Worker) -> Job:
    asked = {"count": COUNT, "pause_s": 0.005}
    return services.queue_job(instructor, asked, kind=COUNTING.name)[0]


def reaches(job: Job, number: int) -> None:
    def reached() -> bool:
        job.refresh_from_db()
        return job.done >= number or job.ended

    wait_until(reached, what=f"number {number}")
    assert not job.ended


def test_killed_in_the_middle_the_next_worker_goes_on(job: Job, worker: Worker) -> None:
    killed = worker()
    reaches(job, 30)
    killed.kill_now()
    job.refresh_from_db()
    before = job.done
    assert job.status == JobStatus.RUNNING
    assert made(job) == list(range(before))  # the state and what was written never differ
    worker()  # of the same name: it knows that its predecessor is dead, no lease has to lapse
    becomes(job, JobStatus.SUCCEEDED, JobStatus.FAILED)
    assert made(job) == list(range(COUNT))
    assert (job.attempts, job.result) == (2, {"made": COUNT, "begun_by": 1})


@pytest.mark.slow(25)
def test_a_worker_that_stood_still_past_its_lease_writes_nothing(
    job: Job, worker: Worker, settings
) -> None:
    settings.JOB_LEASE_SECONDS = 1
    late = worker("late")
    reaches(job, 30)
    pid = holder_pid(job)
    os.kill(pid, signal.SIGSTOP)
    wait_until(leases.take_back_lapsed, what="the lease to lapse")
    worker("next")  # its start looks for what waits without a message
    reaches(job, job.done + 1)
    os.kill(pid, signal.SIGCONT)
    late.wait_for_output("stopped at once")
    becomes(job, JobStatus.SUCCEEDED, JobStatus.FAILED)
    assert made(job) == list(range(COUNT))


def test_an_orderly_stop_hands_the_job_back_with_its_state(job: Job, worker: Worker) -> None:
    stopped = worker()
    reaches(job, 30)
    stopped.stop()
    job.refresh_from_db()
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)
    assert job.done == job.state["next"] == len(made(job)) >= 30
