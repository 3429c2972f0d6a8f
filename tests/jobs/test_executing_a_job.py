"""What a worker does with a job, in this process."""

from __future__ import annotations

import pytest
from safetensors.numpy import load

from registry import shutdown
from registry.artifacts.store import artifact_path, open_artifact
from registry.jobs import answers, execution, leases, lifecycle, services
from registry.jobs.models import Job, JobStatus
from registry.models import ModelVersion, User
from registry.serving.pool import shared_pool
from tests.jobs.rows import WORKER, answer_of, assert_right, body_of, held, register
from tests.registry.checkpoints import RECURRENT, make_model

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def four_rows_at_a_time(settings) -> None:
    settings.JOB_CHUNK_ROWS = 4


def test_the_answer_is_the_model_s_own_in_the_order_of_the_rows(job: Job) -> None:
    execution.execute(job.pk, WORKER)
    assert_right(job)
    assert job.status == JobStatus.SUCCEEDED
    assert (job.kept_until - job.ended_at).days == 7


def test_equal_questions_share_one_file_for_question_and_answer(job: Job, student: User) -> None:
    other, made = services.queue_job(student, body_of(10))
    assert made
    for each in (job, other):
        execution.execute(each.pk, WORKER)
        each.refresh_from_db()
    assert (job.question_id, job.answer_id) == (other.question_id, other.answer_id)


def test_a_recurrent_model_s_state_is_cut_and_joined_along_its_own_axis(
    model: object, student: User, redis_url: str
) -> None:
    version = register(model, brain=RECURRENT)
    job, _ = services.queue_job(student, body_of(10))
    execution.execute(job.pk, WORKER)
    outputs = answer_of(job)["outputs"]
    right = make_model(RECURRENT).run({"observation": body_of(10)["observation"]})
    for name, tensor in right.items():
        assert list(tensor.shape) == shape_of(outputs[name]), name
    assert outputs["hidden_h"][0][9] == pytest.approx(right["hidden_h"][0][9].tolist(), rel=1e-5)
    assert job.version_id == version.pk


def shape_of(nested: object) -> list[int]:
    return [len(nested), *shape_of(nested[0])] if isinstance(nested, list) else []


def test_progress_is_shown_after_every_chunk(job: Job, monkeypatch) -> None:
    seen, progress = [], leases.progress
    monkeypatch.setattr(
        leases, "progress", lambda lease, done, *of: (seen.append(done), progress(lease, done))[1]
    )
    execution.execute(job.pk, WORKER)
    assert seen == [4, 8, 10]


def test_a_wish_to_cancel_is_met_between_two_chunks(job: Job, monkeypatch) -> None:
    progress = leases.progress

    def wish_at_four(lease, done, *of):
        if done == 4:
            services.cancel_job(Job.objects.get(pk=job.pk))
        return progress(lease, done)

    monkeypatch.setattr(leases, "progress", wish_at_four)
    execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    assert (job.status, job.done, job.answer) == (JobStatus.CANCELLED, 4, None)


def test_a_worker_that_shall_stop_hands_the_job_back(job: Job) -> None:
    shutdown.FLAG[0] = 1
    try:
        execution.execute(job.pk, WORKER)
    finally:
        shutdown.FLAG[0] = 0
    job.refresh_from_db()
    assert (job.status, job.attempts, job.lease_holder) == (JobStatus.QUEUED, 0, "")
    execution.execute(job.pk, WORKER)
    assert_right(job)


def test_numbers_that_overflow_fail_the_job_with_the_reason(student: User, version) -> None:
    rows = [[1e38] * 38]
    job, _ = services.queue_job(student, {"model": "walker", "inputs": {"observation": rows}})
    execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    assert job.status == JobStatus.FAILED
    assert "no longer finite" in job.reason


def test_a_damaged_file_fails_the_job_and_says_whom_to_tell(job: Job, version) -> None:
    shared_pool().clear()  # of other tests of this process
    artifact_path(version.artifact).write_bytes(b"x" * version.artifact.size_bytes)
    execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    assert job.status == JobStatus.FAILED
    assert "manage.py verify" in job.reason


def test_only_a_queued_job_is_worked_on(job: Job) -> None:
    held(job)
    execution.execute(job.pk, "another@there")
    job.refresh_from_db()
    assert (job.status, job.fencing_token, job.answer) == (JobStatus.RUNNING, 1, None)


def test_a_late_worker_can_store_a_file_but_not_say_so(job: Job, monkeypatch) -> None:
    """Another worker got the job between the last chunk and the row."""
    store = answers.store_answer

    def store_late(*arguments):
        Job.objects.filter(pk=job.pk).update(fencing_token=9)
        return store(*arguments)

    monkeypatch.setattr(answers, "store_answer", store_late)
    execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    assert (job.status, job.answer, job.fencing_token) == (JobStatus.RUNNING, None, 9)


def test_a_job_for_a_gpu_waits_on_a_worker_without_one(
    student: User, version: ModelVersion
) -> None:
    job, _ = services.queue_job(student, body_of(2, device="cuda"))
    execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)
    assert f"{WORKER} listens to inference.gpu but sees no cuda device" in job.reason


def test_a_retried_job_begins_again(job: Job) -> None:
    lease = held(job)
    lifecycle.move(
        job.pk, JobStatus.RUNNING, JobStatus.FAILED, token=lease.token, reason="the lights went out"
    )
    job.refresh_from_db()
    services.retry_job(job)
    execution.execute(job.pk, WORKER)
    assert_right(job)
    assert (job.attempts, job.reason) == (1, "")


def test_the_stored_question_holds_what_was_asked(job: Job) -> None:
    stored = load(open_artifact(job.question))["observation"]
    assert stored.shape == (10, 38)
    assert stored[9].tolist() == pytest.approx(body_of(10)["observation"][9])
