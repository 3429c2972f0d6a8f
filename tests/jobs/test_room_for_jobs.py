"""One person has only so many jobs that have not ended, however they come to be."""

from __future__ import annotations

import pytest
from django.test import Client

from registry.accounts.models import Scope
from registry.accounts.services import issue_token
from registry.jobs import services
from registry.jobs.errors import IllegalTransitionError, TooManyJobsError
from registry.jobs.models import ENDED, Job, JobStatus
from registry.models import ModelVersion, User
from tests.jobs.rows import body_of
from tests.training.runs import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_at_most(monkeypatch) -> None:
    monkeypatch.setattr(services, "MOST_UNFINISHED", 3)


def unfinished(user: User) -> int:
    return Job.objects.filter(owner=user).exclude(status__in=ENDED).count()


def tried(action):
    """`action()`, or the refusal it gave."""
    try:
        return action()
    except TooManyJobsError as refusal:
        return refusal


@pytest.mark.django_db(transaction=True)
def test_many_sent_at_once_do_not_pass_the_bound_together(
    student: User, version: ModelVersion
) -> None:
    def sender(seed: int):
        return lambda: tried(lambda: services.queue_job(student, body_of(1, seed=seed)))

    answers = at_once([sender(seed) for seed in range(8)])
    assert unfinished(student) == 3
    assert sum(isinstance(one, TooManyJobsError) for one in answers) == 5


@pytest.mark.django_db(transaction=True)
def test_the_same_key_at_once_makes_one_job_though_there_is_room_for_one_alone(
    student: User, version: ModelVersion
) -> None:
    for seed in (1, 2):
        services.queue_job(student, body_of(1, seed=seed))

    def send():
        return services.queue_job(student, body_of(1), idempotency_key="night-1")

    answers = at_once([send] * 4)
    assert len({job.pk for job, _ in answers}) == 1
    assert [made for _, made in answers].count(True) == 1


@pytest.mark.django_db(transaction=True)
def test_many_tried_again_at_once_do_not_pass_the_bound_together(
    student: User, version: ModelVersion
) -> None:
    cancelled = [services.queue_job(student, body_of(1, seed=seed))[0] for seed in range(3)]
    for job in cancelled:
        services.cancel_job(job)
    services.queue_job(student, body_of(1, seed=9))
    for job in cancelled:
        job.refresh_from_db()

    def retrier(job: Job):
        return lambda: tried(lambda: services.retry_job(job))

    answers = at_once([retrier(job) for job in cancelled])
    assert unfinished(student) == 3
    assert sum(isinstance(one, TooManyJobsError) for one in answers) == 1


def test_a_retry_without_room_is_429_and_changes_nothing(
    student: User, instructor: User, version: ModelVersion
) -> None:
    job, _ = services.queue_job(student, body_of(1))
    services.cancel_job(job)
    others = [services.queue_job(student, body_of(1, seed=seed))[0] for seed in (1, 2, 3)]
    # The bound is the owner's, whoever tries the job again.
    _, secret = issue_token(instructor, "program", [Scope.PREDICT])
    headers = {"Authorization": f"Bearer {secret}"}
    response = Client().post(f"/api/v1/jobs/{job.pk}/retry", headers=headers)
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert "3 jobs of one person have not ended" in response.json()["detail"]
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED
    services.cancel_job(others[0])
    assert Client().post(f"/api/v1/jobs/{job.pk}/retry", headers=headers).status_code == 200


def test_the_page_says_why_a_retry_has_to_wait(student: User, version: ModelVersion) -> None:
    job, _ = services.queue_job(student, body_of(1))
    services.cancel_job(job)
    for seed in (1, 2, 3):
        services.queue_job(student, body_of(1, seed=seed))
    client = Client()
    client.force_login(student)
    page = client.post(f"/jobs/{job.pk}/retry/", headers={"HX-Request": "true"})
    assert page.status_code == 409  # what htmx shows
    assert "3 jobs of one person have not ended" in page.content.decode()


def test_a_job_that_waits_is_no_more_by_being_tried_again(
    student: User, version: ModelVersion
) -> None:
    jobs = [services.queue_job(student, body_of(1, seed=seed))[0] for seed in range(3)]
    with pytest.raises(IllegalTransitionError):
        services.retry_job(jobs[0])
