"""Leases that lapse, messages that get lost, jobs that nobody takes, jobs whose time is over."""

from __future__ import annotations

import time

import pytest
from celery import Celery

from registry import holder
from registry.artifacts import disk
from registry.artifacts.models import Artifact
from registry.hosts import queues, workers
from registry.jobs import dispatch, leases, lifecycle, services, sweeping
from registry.jobs.errors import IllegalTransitionError, LeaseLostError, StatusConflictError
from registry.jobs.models import Job, JobStatus
from registry.jobs.retention import forget_old_jobs
from registry.models import User
from tests.jobs.rows import body_of, held, let_time_pass
from tests.training.runs import at_once

pytestmark = pytest.mark.django_db
GPU = {"kind": "cuda", "index": 0, "name": "A GPU"}


@pytest.fixture(autouse=True)
def all_heard(redis_url: str) -> None:
    """Valkey has been up for a while, so workers that live have spoken."""
    workers.client.cache_clear()
    workers.client().set(workers.SINCE, time.time() - workers.ALL_HEARD_AFTER_S)


def say(name: str, *queues: str, devices: object = None) -> None:
    workers.note_worker(name, queues, {"devices": devices})


def dead_process() -> str:
    """A holder whose pid was given to another process since."""
    return str(holder.Holder(*holder.this_process().split("|"))._replace(began="1"))


# -- leases ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_only_one_of_many_workers_claims_a_job(job: Job) -> None:
    claims = at_once([lambda: leases.claim(job.pk)] * 4)
    assert [lease.token for lease in claims if lease] == [1]


def test_a_lease_without_heartbeat_is_taken_back(job: Job, settings) -> None:
    lease = held(job)
    let_time_pass(job, settings.JOB_LEASE_SECONDS - 5)
    assert leases.take_back_lapsed() == []
    let_time_pass(job, 10)
    assert leases.take_back_lapsed() == [job]
    with pytest.raises(LeaseLostError, match="token 1"):
        leases.heartbeat(lease)
    assert held(job).token == 2
    with pytest.raises(LeaseLostError):
        lifecycle.move(job.pk, JobStatus.RUNNING, JobStatus.SUCCEEDED, token=lease.token)


def test_within_the_time_of_a_lease_and_a_sweep_a_dead_worker_s_job_waits_again(settings) -> None:
    assert settings.JOB_LEASE_SECONDS + 10 < 90
    assert settings.JOB_HEARTBEAT_SECONDS * 5 < settings.JOB_LEASE_SECONDS


def test_what_a_dead_process_held_is_taken_back_at_once(job: Job) -> None:
    held(job)
    Job.objects.update(lease_holder=dead_process())
    assert leases.take_back_lapsed() == [job]


def test_a_process_of_the_pool_that_lives_keeps_its_job(job: Job) -> None:
    held(job)
    assert job.lease_holder == holder.this_process()
    assert leases.take_back_lapsed() == []
    assert leases.claim(job.pk) is None


def test_a_job_that_kills_its_workers_fails_with_a_reason(job: Job, settings) -> None:
    settings.JOB_MAX_ATTEMPTS = 3
    for _ in range(3):
        held(job)
        Job.objects.update(lease_holder=dead_process(), done=4)
        leases.take_back_lapsed()
    job.refresh_from_db()
    assert job.status == JobStatus.FAILED
    assert job.reason.startswith("3 workers in a row died on this job, the last one after 4 of 10")


def test_a_job_whose_worker_died_after_the_wish_to_cancel_is_cancelled(job: Job, settings) -> None:
    held(job)
    services.cancel_job(job)
    job.refresh_from_db()
    assert (job.status, job.cancel_wished) == (JobStatus.RUNNING, True)
    let_time_pass(job, settings.JOB_LEASE_SECONDS + 1)
    assert leases.take_back_lapsed() == []
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED


@pytest.mark.parametrize("old", JobStatus.values)
@pytest.mark.parametrize("new", JobStatus.values)
def test_the_table_of_moves_is_the_law(job: Job, old: str, new: str) -> None:
    Job.objects.update(status=old)
    if new in lifecycle.NEXT.get(old, ()):
        lifecycle.move(job.pk, old, new)
        assert Job.objects.get().status == new
    else:
        with pytest.raises(IllegalTransitionError, match=f"a {old} job cannot become {new}"):
            lifecycle.move(job.pk, old, new)


def test_whoever_moves_second_is_told(job: Job) -> None:
    services.cancel_job(job)
    with pytest.raises(StatusConflictError, match="no longer queued"):
        services.cancel_job(job)  # as it was seen before


# -- messages -------------------------------------------------------------------------------------


def test_a_lost_message_is_sent_again_once(job: Job) -> None:
    assert dispatch.send_lost_again() == 0  # it was queued this moment
    let_time_pass(job, 60)
    assert dispatch.send_lost_again() == 1
    assert queues.waiting_messages("inference") == 1
    assert dispatch.send_lost_again() == 0


def test_a_broker_that_is_away_is_no_error_for_whoever_sends_a_job(job: Job, monkeypatch) -> None:
    away = Celery(broker="redis://127.0.0.1:1/0", set_as_current=False)
    monkeypatch.setattr(queues, "current_app", away)
    dispatch.send_and_explain(job)
    job.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.QUEUED, "")


# -- devices --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_job_for_a_device_that_nobody_offers_says_so_at_once(student: User, version) -> None:
    say("inference@here", "default", "inference", devices=[])
    job, _ = services.queue_job(student, body_of(1, device="cuda"))
    job.refresh_from_db()
    assert job.status == JobStatus.QUEUED
    assert job.reason == (
        "No worker offers cuda: nobody listens to the queue inference.gpu. Workers that listen: "
        "inference@here (default, inference). Start one with: celery -A hamletweb worker -Q "
        "inference.gpu"
    )
    say("gpu@there", "inference.gpu", devices=[GPU])
    sweeping.sweep()
    job.refresh_from_db()
    assert job.reason == ""


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_listens_without_the_device_does_not_offer_it(student: User, version) -> None:
    say("blind@here", "inference.gpu", devices=[{"kind": "cpu", "name": "a processor"}])
    job, _ = services.queue_job(student, body_of(1, device="cuda"))
    job.refresh_from_db()
    assert "sees no such device (blind@here)" in job.reason


def test_a_job_for_any_device_goes_to_a_gpu_where_one_is_offered(student: User, version) -> None:
    assert services.queue_job(student, body_of(1, device="any"))[0].queue == "inference"
    say("gpu@there", "inference.gpu", devices=[GPU])
    job, _ = services.queue_job(student, body_of(2, device="any"))
    assert job.queue == "inference.gpu"
    workers.forget_worker("gpu@there", ("inference.gpu",))
    say("inference@here", "inference", devices=[])
    let_time_pass(job, 60)
    sweeping.sweep()
    job.refresh_from_db()
    assert (job.queue, job.reason) == ("inference", "")
    assert queues.waiting_messages("inference") > 0


# -- retention ------------------------------------------------------------------------------------


def test_row_and_files_go_when_their_time_is_over(job: Job, student: User, settings) -> None:
    kept, _ = services.queue_job(student, body_of(3, seed=1))
    for each in (job, kept):
        services.cancel_job(each)
    assert forget_old_jobs() == 0
    let_time_pass(job, settings.JOB_DAYS * 24 * 3600 + 1)
    path = disk.path_of(job.question_id)
    assert path.exists()
    assert forget_old_jobs() == 1
    assert list(Job.objects.all()) == [kept]
    assert not Artifact.objects.filter(pk=job.question_id).exists()


def test_a_file_that_another_job_needs_stays(job: Job, student: User, settings) -> None:
    same, _ = services.queue_job(student, body_of(10))
    services.cancel_job(job)
    job.refresh_from_db()
    let_time_pass(job, settings.JOB_DAYS * 24 * 3600 + 1)
    assert forget_old_jobs() == 1
    assert Artifact.objects.filter(pk=same.question_id).exists()


def test_a_job_that_has_not_ended_is_never_forgotten(job: Job, settings) -> None:
    let_time_pass(job, settings.JOB_DAYS * 24 * 3600 + 1)
    assert forget_old_jobs() == 0
