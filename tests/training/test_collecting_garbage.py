"""Once a day: old recordings, expired sessions and forgotten files go."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.utils import timezone

from hamletweb.celery import app
from registry.artifacts.disk import path_of
from registry.artifacts.store import store_file
from registry.models import Checkpoint
from tests.registry.checkpoints import store_checkpoint
from tests.training.runs import make_run
from training import collecting, services
from training.errors import SteeringRefusedError
from training.models import Replay, Run, RunStatus

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("artifact_dir")]


def make_replays(days_ago: float, **fields: Any) -> Run:
    """A run that ended so long ago with three recordings."""
    ended_at = timezone.now() - timedelta(days=days_ago)
    run = make_run(**{"status": RunStatus.SUCCEEDED, "ended_at": ended_at, **fields})
    for number in (100, 200, 300):
        artifact = store_file(f"{run.pk} {number}".encode(), "application/vnd.hamlet.episode")
        Replay.objects.create(
            run=run, number=number, survival_steps=1, score=1, artifact=artifact, ended_at=ended_at
        )
    return run


def numbers(run: Run) -> list[int]:
    return sorted(run.replays.values_list("number", flat=True))


def test_recordings_of_runs_that_ended_long_ago_go_but_the_newest():
    old, young = make_replays(181), make_replays(179)
    resting = make_replays(400, status=RunStatus.PAUSED)
    files = [path_of(replay.artifact_id) for replay in old.replays.order_by("number")]
    collecting.collect_garbage()
    assert numbers(old) == [300]
    assert [path.exists() for path in files] == [False, False, True]
    assert numbers(young) == numbers(resting) == [100, 200, 300]
    collecting.collect_garbage()
    assert numbers(old) == [300]


def test_zero_days_keep_recordings_for_ever(settings):
    settings.REPLAY_DAYS = 0
    run = make_replays(10_000)
    collecting.collect_garbage()
    assert numbers(run) == [100, 200, 300]


def test_expired_sessions_go():
    now = timezone.now()
    for name, days in (("over", -1), ("lasts", 1)):
        Session.objects.create(session_key=name, expire_date=now + timedelta(days=days))
    collecting.collect_garbage()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["lasts"]


def test_forgotten_files_go_too(artifact_dir):
    folder = artifact_dir / "tmp"
    folder.mkdir()
    (folder / "half").write_bytes(b"")
    os.utime(folder / "half", (0, 0))
    collecting.collect_garbage()
    assert not list(folder.iterdir())


def test_trouble_with_one_part_stops_no_other(artifact_dir, caplog):
    (artifact_dir / "tmp").mkdir()
    (artifact_dir / "tmp" / "folder").mkdir()  # cannot be removed as a file
    os.utime(artifact_dir / "tmp" / "folder", (0, 0))
    Session.objects.create(session_key="over", expire_date=timezone.now() - timedelta(days=1))
    collecting.collect_garbage()
    assert not Session.objects.exists()
    assert "collecting files has to wait" in caplog.text


def test_the_timetable_names_tasks_that_workers_know():
    app.loader.import_default_modules()
    planned = {entry["task"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()}
    assert {name.split(".")[0] for name in planned} == {"registry", "training"}
    assert planned <= set(app.tasks)


def make_checkpoints(status: RunStatus, *, kinds: tuple[str, ...] = ("training",)) -> Run:
    run = make_run(status=status)
    for kind in kinds:
        for at in (10, 20, 30):
            store_checkpoint(run.pk, kind, at, f"{run.pk} {kind} {at}".encode())
    return run


def checkpoints_of(run: Run, kind: str = "training") -> list[int]:
    saved = Checkpoint.objects.filter(run_id=run.pk, kind=kind)
    return sorted(saved.values_list("at", flat=True))


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.CANCELLED])
def test_of_a_run_that_is_over_the_newest_training_checkpoint_stays(status, monkeypatch):
    monkeypatch.setattr(collecting, "CHECKPOINTS_AT_ONCE", 1)
    run = make_checkpoints(status, kinds=("training", "inference"))
    saved = Checkpoint.objects.filter(run_id=run.pk, kind="training").order_by("at")
    files = [path_of(checkpoint.artifact_id) for checkpoint in saved]
    collecting.collect_garbage()
    assert checkpoints_of(run) == [30]
    assert [path.exists() for path in files] == [False, False, True]
    assert checkpoints_of(run, "inference") == [10, 20, 30]


@pytest.mark.parametrize(
    "status", [RunStatus.FAILED, RunStatus.PAUSED, RunStatus.QUEUED, RunStatus.RUNNING]
)
def test_what_a_run_may_still_go_on_from_stays(status):
    run, another = make_checkpoints(status), make_checkpoints(RunStatus.SUCCEEDED)
    collecting.collect_garbage()
    assert checkpoints_of(run) == [10, 20, 30]
    assert checkpoints_of(another) == [30]


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.CANCELLED, RunStatus.FAILED])
def test_all_training_checkpoints_of_an_ended_run_can_be_removed(status, admin):
    run = make_checkpoints(status, kinds=("training", "inference"))
    files = [path_of(pk) for pk in checkpoint_files(run)]
    gone = services.discard_training_checkpoints(run, admin)
    assert sorted(checkpoint.at for checkpoint in gone) == [10, 20, 30]
    assert checkpoints_of(run) == []
    assert [path.exists() for path in files] == [False] * 3
    assert checkpoints_of(run, "inference") == [10, 20, 30]
    assert run.events.get().actor == admin
    assert services.discard_training_checkpoints(run, admin) == []
    assert run.events.count() == 1


def test_the_command_says_how_much_it_removed(capsys):
    run = make_checkpoints(RunStatus.SUCCEEDED)
    size = sum(len(f"{run.pk} training {at}") for at in (10, 20, 30))
    call_command("run", "discard-checkpoints", str(run.pk))
    words = f"run {run.pk}: 3 training checkpoints removed, {size / 1e6:,.1f} MB"
    assert capsys.readouterr().out.strip() == words


def test_who_may_not_steer_a_run_removes_nothing_of_it(student):
    run = make_checkpoints(RunStatus.SUCCEEDED)
    with pytest.raises(SteeringRefusedError):
        services.discard_training_checkpoints(run, student)
    assert checkpoints_of(run) == [10, 20, 30]


def checkpoint_files(run: Run) -> list[str]:
    saved = Checkpoint.objects.filter(run_id=run.pk, kind="training")
    return list(saved.values_list("artifact_id", flat=True))


@pytest.mark.parametrize("status", [RunStatus.PAUSED, RunStatus.QUEUED, RunStatus.RUNNING])
def test_a_run_that_has_not_ended_keeps_what_it_goes_on_from(status):
    run = make_checkpoints(status)
    with pytest.raises(CommandError, match=f"the run is {status} .*; cancel it first"):
        call_command("run", "discard-checkpoints", str(run.pk))
    assert checkpoints_of(run) == [10, 20, 30]
