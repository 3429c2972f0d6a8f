"""What every kind of job gets: reading, progress, a saved state, fenced writes, a result."""

from __future__ import annotations

import pytest
from django.test import Client

from hamlet.errors import SpecError
from registry import shutdown
from registry.accounts.models import Role, Scope
from registry.accounts.services import issue_token
from registry.errors import NotChangeableError
from registry.jobs import context, execution, kinds, leases, lifecycle, services
from registry.jobs.errors import IdempotencyConflictError, JobFailedError
from registry.jobs.kinds import Finished, JobKind
from registry.jobs.models import Job, JobStatus
from registry.models import User
from tests.jobs.counting import COUNTING, made
from tests.jobs.rows import WORKER, held
from tests.running.people import make_classroom, make_person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def servers(redis_url: str, artifact_dir: object) -> None:
    """What sending a job needs."""


def queue(user: User, count: int, **rest) -> Job:
    return services.queue_job(user, {"count": count, **rest}, kind=COUNTING.name)[0]


def execute(job: Job) -> Job:
    execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    return job


def at_number(monkeypatch, number: int, action) -> None:
    """Let something happen while the worker is about to write this number."""
    write = leases.write

    def interrupted(lease, **changes):
        if changes.get("done") == number:
            action(lease)
        return write(lease, **changes)

    monkeypatch.setattr(leases, "write", interrupted)


def test_a_job_is_read_done_and_its_result_is_shown(instructor: User) -> None:
    job = execute(queue(instructor, 3))
    assert (job.status, job.done, job.total, made(job)) == (JobStatus.SUCCEEDED, 3, 3, [0, 1, 2])
    assert job.queue == "work"
    _, secret = issue_token(instructor, "program", [Scope.TRAIN])
    headers = {"Authorization": f"Bearer {secret}"}
    data = Client().get(f"/api/v1/jobs/{job.pk}", headers=headers).json()
    assert data["result"] == {"made": 3, "begun_by": 1}
    assert data["progress"] == {"done": 3, "total": 3, "unit": "number"}
    assert (data["kind"], data["model"], data["version"]) == ("counting", None, None)
    assert Client().get(data["result_url"], headers=headers).json() == data["result"]
    listed = Client().get("/api/v1/jobs", {"kind": "counting"}, headers=headers).json()
    assert [item["id"] for item in listed["items"]] == [str(job.pk)]
    assert Client().get("/api/v1/jobs", {"kind": "x"}, headers=headers).status_code == 422


def test_the_page_shows_the_kind_and_how_far_it_is(instructor: User) -> None:
    job = execute(queue(instructor, 2))
    client = Client()
    client.force_login(instructor)
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert "Counting, 2 numbers" in page
    assert "2</strong> of 2 numbers" in page
    assert client.get(f"/jobs/{job.pk}/result/").json() == job.result
    assert str(job.pk) in client.get("/jobs/", {"kind": "counting"}).content.decode()
    assert "No such job" in client.get("/jobs/", {"kind": "prediction"}).content.decode()


def test_who_may_not_ask_and_what_is_faulty_makes_no_job(student: User, instructor: User) -> None:
    with pytest.raises(NotChangeableError, match="You may not count"):
        queue(student, 1)
    with pytest.raises(SpecError) as refusal:
        queue(instructor, -1, colour="red")
    assert {problem.path for problem in refusal.value.problems} == {"count", "colour"}
    with pytest.raises(SpecError, match="expected at most 262144"):
        queue(instructor, 1, padding=services.MAX_REQUEST_BYTES)
    assert not Job.objects.exists()


def test_a_key_is_one_s_own_for_all_kinds(instructor: User) -> None:
    first = services.queue_job(instructor, {"count": 1}, kind="counting", idempotency_key="k")
    again = services.queue_job(instructor, {"count": 1}, kind="counting", idempotency_key="k")
    assert (first[0], first[1], again[1]) == (again[0], True, False)
    with pytest.raises(IdempotencyConflictError):
        services.queue_job(instructor, {"count": 2}, kind="counting", idempotency_key="k")


def test_teachers_of_its_class_see_a_job_and_other_people_do_not(instructor: User) -> None:
    elsewhere = make_classroom("Elsewhere")
    teacher = make_person("teacher", Role.INSTRUCTOR, elsewhere)
    job = queue(instructor, 1, classroom="Elsewhere")
    client = Client()
    client.force_login(teacher)
    assert client.get(f"/api/v1/jobs/{job.pk}").status_code == 200
    assert client.get(f"/api/v1/jobs/{queue(instructor, 2).pk}").status_code == 404


# -- going on -------------------------------------------------------------------------------------


def test_a_worker_goes_on_from_the_state_that_another_one_saved(
    instructor: User, monkeypatch
) -> None:
    job = queue(instructor, 6)
    at_number(monkeypatch, 3, lambda lease: shutdown.FLAG.__setitem__(0, 1))
    try:
        execute(job)
    finally:
        shutdown.FLAG[0] = 0
    assert (job.status, job.done, job.state["next"], made(job)) == ("queued", 3, 3, [0, 1, 2])
    execute(job)
    assert (job.status, made(job)) == (JobStatus.SUCCEEDED, list(range(6)))
    assert job.result == {"made": 6, "begun_by": 1}


def test_a_retried_job_goes_on_as_well(instructor: User, monkeypatch) -> None:
    job = queue(instructor, 6)
    with monkeypatch.context() as patch:
        at_number(patch, 4, lambda lease: services.cancel_job(Job.objects.get(pk=job.pk)))
        execute(job)
    assert (job.status, job.done, made(job)) == (JobStatus.CANCELLED, 4, [0, 1, 2, 3])
    services.retry_job(job)
    job.refresh_from_db()
    assert job.done == 4
    assert execute(job).status == JobStatus.SUCCEEDED
    assert made(job) == list(range(6))


def test_a_late_worker_writes_nothing(instructor: User, monkeypatch) -> None:
    job = queue(instructor, 6)

    def taken_over(lease) -> None:
        Job.objects.filter(pk=job.pk).update(fencing_token=9)

    at_number(monkeypatch, 3, taken_over)
    execute(job)
    assert (job.status, job.done, job.state["next"]) == (JobStatus.RUNNING, 2, 2)
    assert made(job) == [0, 1]


def test_what_fails_in_a_fenced_write_leaves_the_state_as_it_was(
    instructor: User, monkeypatch
) -> None:
    from tests.jobs import counting

    make = counting.make

    def fails_at_two(job, number):
        make(job, number)
        if number == 2:
            raise JobFailedError("the disk is full")

    monkeypatch.setattr(counting, "make", fails_at_two)
    job = execute(queue(instructor, 6))
    assert (job.status, job.reason) == (JobStatus.FAILED, "the disk is full")
    assert (job.done, job.state["next"], made(job)) == (2, 2, [0, 1])


def test_the_inner_loops_of_a_job_hear_that_it_shall_stop(instructor: User) -> None:
    job = queue(instructor, 1)
    lease = held(job)

    class Silent:
        lost = cancel_wished = False

    heart = Silent()
    at_work = context.JobContext(job, lease, heart)
    assert not at_work.stop_wished()
    services.cancel_job(job)
    heart.cancel_wished = leases.heartbeat(lease)
    assert at_work.stop_wished()
    with pytest.raises(context.Cancelled):
        at_work.progress(0)


# -- bounds ---------------------------------------------------------------------------------------


def test_a_state_or_result_that_grew_too_large_fails_the_job(instructor: User, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(context, "MAX_STATE_BYTES", 10)
        job = execute(queue(instructor, 1))
    assert job.status == JobStatus.FAILED
    assert "at most 10 are kept" in job.reason
    assert made(job) == []
    monkeypatch.setattr(execution, "MAX_RESULT_BYTES", 10)
    assert "The result has" in execute(queue(instructor, 1)).reason


def test_a_job_of_a_kind_that_nobody_knows_fails_with_the_reason(instructor: User) -> None:
    job = queue(instructor, 1)
    Job.objects.update(kind="juggling")
    execute(job)
    assert job.status == JobStatus.FAILED
    assert "'juggling'" in job.reason
    assert "counting" in job.reason


def test_two_kinds_of_one_name_are_refused() -> None:
    kinds.register(COUNTING)
    other = JobKind("counting", "Other", "x", "p", "no", read=None, work=lambda c: Finished())
    with pytest.raises(ValueError, match="counting"):
        kinds.register(other)


def test_a_job_without_a_known_total_says_how_far_it_is(instructor: User) -> None:
    job = queue(instructor, 3)
    lease = held(job)
    Job.objects.update(total=None)
    leases.progress(lease, 2)
    client = Client()
    client.force_login(instructor)
    assert "<strong>2</strong> numbers" in client.get(f"/jobs/{job.pk}/").content.decode()
    assert "2 numbers" in client.get("/jobs/").content.decode()
    leases.progress(lease, 2, 8)
    lifecycle.move(job.pk, JobStatus.RUNNING, JobStatus.FAILED, token=lease.token, reason="r")
    assert "2</strong> of 8 numbers" in client.get(f"/jobs/{job.pk}/").content.decode()
