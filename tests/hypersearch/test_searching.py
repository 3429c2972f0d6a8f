"""Searches as jobs: trials are runs, the best is registered, and nothing is done twice."""

from __future__ import annotations

import pytest
from django.db import connection

from registry.jobs import execution, leases
from registry.jobs.models import Job, JobStatus
from registry.models import ModelVersion, User
from tests.games.conftest import Program
from tests.hypersearch.conftest import (
    CONFIG,
    SEARCHES,
    SPACE,
    body,
    learn,
    look,
    queued,
    runs_of,
    succeeded,
)
from tests.jobs.rows import WORKER
from training import services
from training.hypersearch import stopping
from training.hypersearch.trials import curve_of
from training.models import MetricPoint, Run, RunStatus, Wish

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_search_ends_with_the_best_config_and_its_version(
    teacher: Program, instructor: User, classroom
) -> None:
    response = teacher.send(SEARCHES, body(classroom=classroom.name))
    assert response.status_code == 202, response.content
    sent = response.json()
    assert response["Location"] == f"/api/v1/jobs/{sent['job_id']}"
    assert sent["progress"] == {"done": 0, "total": 3, "unit": "trial"}
    job = succeeded(Job.objects.get(pk=sent["job_id"]))
    runs = runs_of(job)
    assert [run.name for run in runs] == ["tuning.1", "tuning.2", "tuning.3"]
    assert {run.owner for run in runs} == {instructor}
    assert {run.classroom for run in runs} == {classroom}
    result = job.result
    assert [row["status"] for row in result["results"]] == ["completed"] * 3
    lowest = {str(run.pk): min(value for _, value in curve_of(run.pk)) for run in runs}
    best = min(lowest, key=lowest.get)
    assert result["training_job_id"] == best
    assert result["best_value"] == lowest[best]
    for name, value in result["best_values"].items():
        assert runs[result["best_trial"] - 1].spec["content"]["config"].get(name, value) == value
    version = ModelVersion.objects.get(model__name="tuned")  # the best one alone
    assert (str(version.run_id), version.number) == (best, result["model_version"])
    assert version.artifact == Run.objects.get(pk=best).version.artifact
    assert version.lineage["search"]["job_id"] == str(job.pk)
    assert ModelVersion.objects.filter(model__name="tuned-trials").count() == 3
    shown = teacher.get(f"{SEARCHES}/{job.pk}").json()
    assert shown["status"] == "succeeded"
    assert (shown["best_config"], shown["best_value"]) == (
        result["best_config"],
        result["best_value"],
    )
    assert shown["search_space"] == SPACE


def test_the_best_config_is_ready_to_train_with(instructor: User) -> None:
    job = succeeded(queued(instructor, num_samples=2))
    request = {"config": job.result["best_config"], "examples": body()["examples"], "seed": 1}
    again = services.queue_run(instructor, {"system": "connect_four", **request})
    best = Run.objects.get(pk=job.result["training_job_id"])
    assert again.spec["content"]["config"] == best.spec["content"]["config"]
    assert again.spec["content"]["brain"] == best.spec["content"]["brain"]


def test_no_more_trials_than_may_be_are_open_at_once(instructor: User) -> None:
    job = look(queued(instructor, num_samples=5, max_concurrent=2))
    assert (job.status, job.done) == (JobStatus.QUEUED, 0)
    assert len(runs_of(job)) == 2
    assert len(runs_of(look(job))) == 2
    learn(job)
    look(job)
    assert job.done == 2
    assert len(runs_of(job)) == 4


def test_a_resting_search_holds_no_worker_and_is_not_looked_at_before_it_is_due(
    instructor: User,
) -> None:
    job = look(queued(instructor))
    assert (job.status, job.lease_holder, job.attempts) == (JobStatus.QUEUED, "", 0)
    assert leases.claim(job.pk) is None
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_job SET queued_at = now() WHERE id = %s", [job.pk])
    assert leases.claim(job.pk) is not None


def test_equal_searches_try_equal_values_and_trials_hold_back_the_same_examples(
    instructor: User,
) -> None:
    first, second = (
        succeeded(queued(instructor, num_samples=4, max_concurrent=1)) for _ in range(2)
    )
    for one, other in zip(first.result["results"], second.result["results"], strict=True):
        assert (one["values"], one["value"]) == (other["values"], other["value"])
    assert len({run.spec["seed"] for run in runs_of(first)}) == 1
    other = look(queued(instructor, seed=6, max_concurrent=1))
    assert other.state["trials"][0]["values"] != first.result["results"][0]["values"]


def test_a_worker_that_dies_between_choosing_and_queueing_leaves_one_run(
    instructor: User, monkeypatch
) -> None:
    job = queued(instructor, max_concurrent=1)

    def die(*_, **__):
        raise KeyboardInterrupt  # nothing of ours catches it, as nothing catches kill -9

    with monkeypatch.context() as patch:
        patch.setattr(services, "queue_run_once", die)
        with pytest.raises(KeyboardInterrupt):
            execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    planned = job.state["trials"][0]
    assert (planned["status"], planned["run"]) == ("planned", None)
    job_is_free_again(job)
    look(job)
    (run,) = runs_of(job)
    assert run.spec["content"]["config"]["learning_rate"] == planned["values"]["learning_rate"]


def test_a_worker_that_dies_right_after_queueing_asks_for_no_second_run(
    instructor: User, monkeypatch
) -> None:
    job, ask = queued(instructor, max_concurrent=1), services.queue_run_once

    def ask_and_die(*args, **more):
        ask(*args, **more)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(services, "queue_run_once", ask_and_die)
        with pytest.raises(KeyboardInterrupt):
            execution.execute(job.pk, WORKER)
    (run,) = runs_of(job)
    job_is_free_again(job)
    learn(job)
    look(job)
    assert runs_of(job)[0] == run
    assert job.state["trials"][0]["status"] == "completed"


def job_is_free_again(job: Job) -> None:
    job.refresh_from_db()
    assert leases.take_back(job, "its worker died") == JobStatus.QUEUED


def learning_badly_after_three(job: Job) -> Run:
    """The fourth trial, after three that ended well; the search has seen how it does."""
    for _ in range(3):
        look(job)
        learn(job)
    look(job)
    run = runs_of(job)[3]
    Run.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING)
    for epoch in (1, 2, 3):
        MetricPoint.objects.create(run=run, name="val_loss", at=epoch, value=1000.0)
    look(job)
    run.refresh_from_db()
    return run


def test_a_trial_that_is_worse_than_others_were_is_stopped(instructor: User) -> None:
    job = queued(instructor, num_samples=5, max_concurrent=1, config={**CONFIG, "epochs": 4})
    run = learning_badly_after_three(job)
    assert run.wish == Wish.CANCEL
    assert "stopped by the search" in run.events.first().text + run.events.all()[1].text
    assert job.done == 3  # its run has not ended yet
    Run.objects.filter(pk=run.pk).update(status=RunStatus.CANCELLED)
    look(job)
    trial = job.state["trials"][3]
    assert (trial["status"], trial["value"]) == ("stopped", 1000.0)
    assert trial["stopped_at"] in (2, 3)
    learn(job)
    look(job)
    assert job.status == JobStatus.SUCCEEDED
    assert job.result["best_trial"] != 4


def test_nothing_is_stopped_where_nobody_wishes_it(instructor: User) -> None:
    job = queued(instructor, num_samples=4, max_concurrent=1, early_stopping="none")
    run = learning_badly_after_three(job)
    assert run.wish == Wish.RUN


def test_cancelling_a_search_cancels_its_trials(instructor: User, teacher: Program) -> None:
    job = look(queued(instructor))
    waiting, running = runs_of(job)
    Run.objects.filter(pk=running.pk).update(status=RunStatus.RUNNING)
    assert teacher.send(f"/api/v1/jobs/{job.pk}/cancel", {}).status_code == 200
    assert stopping.stop_trials() == 2
    waiting.refresh_from_db()
    running.refresh_from_db()
    assert (waiting.status, running.wish) == (RunStatus.CANCELLED, Wish.CANCEL)
    assert stopping.stop_trials() == 0
    other = look(queued(instructor, name="another"))
    assert stopping.stop_trials() == 0
    assert {run.status for run in runs_of(other)} == {RunStatus.QUEUED}


def test_a_cancelled_search_that_is_tried_again_goes_on(instructor: User) -> None:
    from registry.jobs import services as jobs

    job = look(queued(instructor, max_concurrent=1))
    learn(job)
    look(job)
    jobs.cancel_job(job)
    stopping.stop_trials()
    job.refresh_from_db()
    jobs.retry_job(job)
    job.refresh_from_db()
    succeeded(job)
    statuses = [row["status"] for row in job.result["results"]]
    assert statuses == ["completed", "cancelled", "completed"]


def test_a_search_without_one_good_trial_fails_and_says_why(instructor: User) -> None:
    job = queued(instructor, num_samples=2)
    while not look(job).ended:
        for run in runs_of(job):
            run.status == RunStatus.QUEUED and services.cancel_run(run, instructor)
    assert job.status == JobStatus.FAILED
    assert "None of the 2 trials came to its end" in job.reason
