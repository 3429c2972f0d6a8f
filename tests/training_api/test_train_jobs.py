"""/api/v1/train/{job_id}: how a run stands in five words, and the file that came of it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry.models import Classroom, ModelVersion, User
from registry.versions.models import VersionCheck
from tests.games.conftest import Program
from tests.registry.exported import export_onnx_of
from tests.training.runs import held, make_run
from training import lifecycle
from training.models import Run, RunStatus

pytestmark = pytest.mark.django_db
TRAIN = "/api/v1/train"
CONFIG = {"model_type": "alphazero", "epochs": 3}


def finish(version: ModelVersion, owner: User, classroom: Classroom) -> Run:
    """A run that made the version, as its worker leaves it."""
    return make_run(
        owner=owner,
        classroom=classroom,
        model=version.model,
        version=version,
        status=RunStatus.SUCCEEDED,
        done=300,
        started_at=timezone.now(),
        ended_at=timezone.now(),
    )


def end_check(version: ModelVersion, **found: Any) -> None:
    VersionCheck.objects.filter(version=version).update(ended_at=timezone.now(), **found)


def job(program: Program, run: Run) -> dict[str, Any]:
    answer = program.get(f"{TRAIN}/{run.pk}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_who_trains_is_told_how_to_follow_the_job(teacher):
    answer = teacher.send(TRAIN, {"config": {"modelType": "alphazero", "epochs": 3}})
    assert answer.status_code == 202, answer.content
    data = answer.json()
    assert data["job_id"] == data["id"]
    assert (data["status"], data["model_type"]) == ("queued", "alphazero")
    assert (data["progress"], data["current_epoch"], data["total_epochs"]) == (0.0, 0, 3)
    assert data["metrics"] == {}
    assert answer.headers["Location"] == data["url"]
    asked = teacher.get(f"{TRAIN}/{data['job_id']}").json()
    assert (asked["status"], asked["run_url"]) == ("pending", data["url"])
    assert asked["eta_s"] is asked["error"] is asked["model_version"] is None


def test_the_same_key_gives_the_same_job(teacher):
    first = teacher.send(TRAIN, {"config": CONFIG}, Idempotency_Key="k1")
    again = teacher.send(TRAIN, {"config": CONFIG}, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["job_id"] == first.json()["job_id"]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (RunStatus.QUEUED, "pending"),
        (RunStatus.RUNNING, "training"),
        (RunStatus.PAUSED, "pending"),
        (RunStatus.SUCCEEDED, "completed"),
        (RunStatus.FAILED, "failed"),
        (RunStatus.CANCELLED, "cancelled"),
    ],
)
def test_every_state_of_a_run_has_its_word(teacher, instructor, status, word):
    assert job(teacher, make_run(owner=instructor, status=status))["status"] == word


def test_a_paused_job_says_that_it_rests(teacher, instructor):
    data = job(teacher, make_run(owner=instructor, status=RunStatus.PAUSED))
    assert data["status"] == "pending"
    assert "Paused" in data["reason"]


def test_a_failed_job_says_why(teacher, instructor):
    run = make_run(owner=instructor, status=RunStatus.FAILED, reason="a loss became infinite")
    assert job(teacher, run)["error"] == "a loss became infinite"


def test_a_run_that_stopped_early_is_done(teacher, version, instructor, classroom):
    data = job(teacher, finish(version, instructor, classroom))
    assert (data["progress"], data["current_epoch"], data["total_epochs"]) == (1.0, 300, 500)
    assert (data["model"], data["model_version"]) == ("dropper", "1.0.0")


def test_the_time_left_follows_from_the_pace(teacher, instructor):
    run = make_run(owner=instructor)
    held(run)
    began = timezone.now() - timedelta(seconds=100)
    Run.objects.filter(pk=run.pk).update(done=100, started_at=began)
    assert job(teacher, run)["eta_s"] == pytest.approx(400, rel=0.2)


def test_a_pace_with_interruptions_is_not_known(teacher, instructor):
    run = make_run(owner=instructor)
    for _ in range(2):
        lease = held(run)
        lifecycle.move(run.pk, RunStatus.RUNNING, RunStatus.QUEUED, token=lease.token)
    held(run)
    Run.objects.filter(pk=run.pk).update(done=100)
    assert job(teacher, run)["eta_s"] is None


def test_jobs_of_others_are_not_there(stranger, instructor, classroom):
    run = make_run(owner=instructor, classroom=classroom)
    assert stranger.get(f"{TRAIN}/{run.pk}").status_code == 404
    assert stranger.get(f"{TRAIN}/{run.pk}/download").status_code == 404


def test_a_completed_job_gives_its_file_with_its_hash(viewer, version, instructor, classroom):
    url = job(viewer, finish(version, instructor, classroom))["download_url"]
    answer = viewer.get(url)
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content)
    assert answer.headers["ETag"].strip('"') == hashlib.sha256(content).hexdigest()
    assert answer.headers["Repr-Digest"].startswith("sha-256=:")
    assert 'filename="dropper-1.0.0.safetensors"' in answer.headers["Content-Disposition"]


def test_an_unfinished_job_has_no_file_yet(viewer, instructor, classroom):
    run = make_run(owner=instructor, classroom=classroom, done=7)
    answer = viewer.get(f"{TRAIN}/{run.pk}/download")
    assert answer.status_code == 409
    assert "7 of 500 epochs" in answer.json()["detail"]


def test_an_unknown_format_is_named(viewer, version, instructor, classroom):
    run = finish(version, instructor, classroom)
    answer = viewer.get(f"{TRAIN}/{run.pk}/download", format="pickle")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/format"


def test_an_export_that_is_there_is_given(viewer, version, instructor, classroom):
    export = export_onnx_of(version)
    answer = viewer.get(
        f"{TRAIN}/{finish(version, instructor, classroom).pk}/download", format="onnx"
    )
    assert answer.status_code == 200
    assert answer.headers["ETag"] == f'"{export.artifact_id}"'


def test_an_export_that_is_being_written_is_waited_for(viewer, version, instructor, classroom):
    run = finish(version, instructor, classroom)
    answer = viewer.get(f"{TRAIN}/{run.pk}/download", format="torchscript")
    assert answer.status_code == 409
    assert "being written" in answer.json()["detail"]


def test_a_missing_export_is_asked_for_by_who_may(viewer, teacher, version, instructor, classroom):
    run = finish(version, instructor, classroom)
    end_check(version, passed=True, report={"exports": {}})
    waiting = VersionCheck.objects.filter(version=version, ended_at=None)
    refused = viewer.get(f"{TRAIN}/{run.pk}/download", format="onnx")
    assert (refused.status_code, waiting.count()) == (409, 0)
    asked = teacher.get(f"{TRAIN}/{run.pk}/download", format="onnx")
    assert (asked.status_code, waiting.count()) == (409, 1)
    assert "being written as onnx now" in asked.json()["detail"]


def test_a_form_that_cannot_be_written_says_why(teacher, version, instructor, classroom):
    run = finish(version, instructor, classroom)
    end_check(version, passed=True, report={"exports": {"onnx": {"problem": "no such operator."}}})
    answer = teacher.get(f"{TRAIN}/{run.pk}/download", format="onnx")
    assert answer.status_code == 409
    assert "no such operator" in answer.json()["detail"]
    assert not VersionCheck.objects.filter(version=version, ended_at=None).exists()
