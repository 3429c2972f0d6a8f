"""Workers are killed with -9 at named points, messages come twice, the broker goes away: every job
ends once, with the right answer."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from celery import Celery
from django.db import connection

from hamletweb.embedded.valkey import EmbeddedValkey
from registry.artifacts import disk
from registry.artifacts.models import Artifact
from registry.hosts import queues
from registry.jobs import dispatch, leases, services, sweeping
from registry.jobs.answers import MEDIA_TYPE
from registry.jobs.models import Job, JobStatus
from registry.models import ModelVersion, User
from tests.jobs.rows import assert_right, becomes, body_of, holder_pid, let_time_pass
from tests.recovery.conftest import blocked
from tests.running.processes import PlatformProcess
from tests.training.runs import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 2000  # 500 chunks, each with a row that is written
Worker = Callable[..., PlatformProcess]


@pytest.fixture
def long_job(version: ModelVersion, student: User) -> Job:
    return services.queue_job(student, body_of(ROWS))[0]


def reaches(job: Job, rows: int) -> None:
    def reached() -> bool:
        job.refresh_from_db()
        return job.done >= rows or job.ended

    wait_until(reached, what=f"row {rows}")
    assert not job.ended


def hang_up_on_who_waits() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE cardinality(pg_blocking_pids(pid)) > 0"
        )


def answers() -> int:
    return Artifact.objects.filter(media_type=MEDIA_TYPE).count()


def test_killed_before_it_starts(job: Job, worker: Worker) -> None:
    with blocked("registry_job") as somebody_waits:
        killed = worker()
        somebody_waits()  # at the claim
        killed.kill_now()
    job.refresh_from_db()
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)
    worker()
    becomes(job, JobStatus.SUCCEEDED, JobStatus.FAILED)
    assert_right(job)
    assert job.attempts == 1


def test_killed_in_the_middle_of_the_rows(long_job: Job, worker: Worker) -> None:
    killed = worker()
    reaches(long_job, 40)
    killed.kill_now()
    long_job.refresh_from_db()
    assert long_job.status == JobStatus.RUNNING
    worker()  # of the same name, so it knows that its predecessor is dead: no lease has to lapse
    becomes(long_job, JobStatus.SUCCEEDED, JobStatus.FAILED, timeout_s=30)
    assert_right(long_job)
    assert (long_job.attempts, long_job.fencing_token) == (2, 2)


def test_killed_after_the_answer_s_file_and_before_its_row(job: Job, worker: Worker) -> None:
    with blocked("registry_artifact") as somebody_waits:
        killed = worker()
        somebody_waits()
        killed.kill_now()
    assert answers() == 0
    worker()
    becomes(job, JobStatus.SUCCEEDED, JobStatus.FAILED)
    assert_right(job)
    assert answers() == 1


def test_killed_after_the_answer_s_row_and_before_the_job_s(job: Job, worker: Worker) -> None:
    with ExitStack() as until_the_end:
        with blocked("registry_artifact") as somebody_stores:
            killed = worker()
            somebody_stores()
            somebody_ends = until_the_end.enter_context(blocked("registry_job"))
        somebody_ends()
        wait_until(lambda: answers() == 1, what="the answer's row")
        killed.kill_now()
        hang_up_on_who_waits()  # else the database does what it was told before the kill
    job.refresh_from_db()
    assert (job.status, job.answer) == (JobStatus.RUNNING, None)
    worker()
    becomes(job, JobStatus.SUCCEEDED, JobStatus.FAILED)
    assert_right(job)
    assert answers() == 1  # the same bytes, so the same file


def test_killed_after_the_job_s_row_and_before_its_message_is_acknowledged(
    job: Job, worker: Worker
) -> None:
    with ExitStack() as until_the_end:
        with blocked("registry_artifact") as somebody_stores:
            killed = worker()
            somebody_stores()
            somebody_ends = until_the_end.enter_context(blocked("registry_job"))
        somebody_ends()
        wait_until(lambda: answers() == 1, what="the answer's row")
        # The process stands still while the database does what it was told.
        pid = holder_pid(job)
        os.kill(pid, signal.SIGSTOP)
    becomes(job, JobStatus.SUCCEEDED)
    killed.kill_now()
    ended_at, answer = job.ended_at, job.answer_id
    again = worker()
    dispatch.send(job)  # as the broker does after its visibility time-out
    again.wait_for_output(f"job {job.pk} needs no work now")
    job.refresh_from_db()
    assert (job.ended_at, job.answer_id, job.attempts) == (ended_at, answer, 1)
    assert_right(job)


def test_a_killed_process_of_the_pool_is_replaced_at_once(long_job: Job, worker: Worker) -> None:
    worker()
    reaches(long_job, 40)
    os.kill(holder_pid(long_job), signal.SIGKILL)
    becomes(long_job, JobStatus.SUCCEEDED, JobStatus.FAILED, timeout_s=30)
    assert_right(long_job)
    assert long_job.attempts == 2


def test_a_job_that_kills_every_process_fails_with_a_reason(long_job: Job, worker: Worker) -> None:
    worker(env={"HAMLET_JOB_MAX_ATTEMPTS": "2"})
    for attempt in (1, 2):
        wait_until(lambda a=attempt: token(long_job) == a and holder_pid(long_job), what="a claim")
        os.kill(holder_pid(long_job), signal.SIGKILL)
    becomes(long_job, JobStatus.FAILED, timeout_s=30)
    assert long_job.reason.startswith("2 workers in a row died on this job")


def token(job: Job) -> int:
    job.refresh_from_db()
    return job.fencing_token


@pytest.mark.slow(25)
def test_a_late_worker_changes_nothing(long_job: Job, worker: Worker, settings) -> None:
    """A worker that stood still past its lease wakes up when another one has done the job."""
    settings.JOB_LEASE_SECONDS = 1
    late = worker(name="late")
    reaches(long_job, 40)
    pid = holder_pid(long_job)
    os.kill(pid, signal.SIGSTOP)
    (taken,) = wait_until(leases.take_back_lapsed, what="the lease to lapse")
    dispatch.send(taken)
    worker(name="next")
    becomes(long_job, JobStatus.SUCCEEDED, JobStatus.FAILED)
    before = Job.objects.filter(pk=long_job.pk).values().get()
    os.kill(pid, signal.SIGCONT)
    late.wait_for_output("stopped at once")
    assert Job.objects.filter(pk=long_job.pk).values().get() == before
    assert_right(long_job)
    assert answers() == 1


@pytest.mark.slow(25)
def test_messages_that_come_many_times_to_two_workers_count_once(
    version: ModelVersion, student: User, worker: Worker
) -> None:
    jobs = [services.queue_job(student, body_of(200, seed))[0] for seed in range(6)]
    for job in jobs:
        for _ in range(4):
            dispatch.send(job)
    worker(name="one", concurrency=2)
    worker(name="two")
    for seed, job in enumerate(jobs):
        becomes(job, JobStatus.SUCCEEDED, JobStatus.FAILED)
        assert_right(job, seed)
        assert (job.attempts, job.fencing_token) == (1, 1)


def test_an_orderly_stop_hands_the_job_back(long_job: Job, worker: Worker) -> None:
    stopped = worker()
    reaches(long_job, 40)
    stopped.stop()
    long_job.refresh_from_db()
    assert (long_job.status, long_job.attempts) == (JobStatus.QUEUED, 0)
    worker(name="next")
    becomes(long_job, JobStatus.SUCCEEDED, JobStatus.FAILED)
    assert_right(long_job)


def test_a_running_job_is_cancelled_within_moments(long_job: Job, worker: Worker) -> None:
    worker()
    reaches(long_job, 40)
    services.cancel_job(long_job)
    becomes(long_job, JobStatus.CANCELLED)
    assert long_job.done < ROWS
    assert not list(disk.root().glob("tmp/*.json"))


@pytest.fixture
def own_valkey() -> Iterator[EmbeddedValkey]:
    """A server that a test may stop, since nobody else uses it."""
    # Not below pytest's own folder, which the account of the server may not enter.
    with (
        tempfile.TemporaryDirectory(prefix="hamlet-tests-") as folder,
        EmbeddedValkey(Path(folder)) as valkey,
    ):
        yield valkey


@pytest.mark.slow(25)
def test_a_broker_that_stops_and_starts_while_a_job_waits_loses_nothing(
    version: ModelVersion, student: User, worker: Worker, own_valkey: EmbeddedValkey
) -> None:
    worker(env={"REDIS_URL": own_valkey.url})
    own_valkey.stop()
    # The message goes to a broker that this worker does not hear, as one that was lost.
    job, _ = services.queue_job(student, body_of(100))
    with queues.current_app.connection_for_write() as broker:
        broker.default_channel.queue_purge("inference")
    own_valkey.start()
    let_time_pass(job, 20)
    mended = Celery(broker=own_valkey.url, set_as_current=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queues, "current_app", mended)
        sweeping.sweep()
    becomes(job, JobStatus.SUCCEEDED, JobStatus.FAILED)
    assert_right(job)
