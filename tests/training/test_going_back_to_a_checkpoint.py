"""What came after the checkpoint that a run goes on from is forgotten, so that it counts once."""

from __future__ import annotations

import pytest
from django.utils import timezone

from hamlet.recording import ReplayKeeper
from registry.artifacts.disk import path_of
from registry.artifacts.store import store_file
from registry.models import Artifact, Checkpoint
from tests.training.runs import held
from training import resetting
from training.checkpointing import Memory
from training.models import EpisodeSummary, MetricPoint, Replay, Run, RunEvent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("artifact_dir")]

# Each unit is two episodes.
MEMORY = Memory(at=10, episodes=20, keeper=ReplayKeeper(), finished=None)


def go_back(run: Run, *remarks: str) -> None:
    resetting.reset(held(run), MEMORY, list(remarks))
    run.refresh_from_db()


def stored(content: bytes) -> Artifact:
    return store_file(content, "application/octet-stream")


def keep_replay(run: Run, number: int, artifact: Artifact) -> None:
    Replay.objects.create(
        run=run,
        number=number,
        survival_steps=1,
        score=1.0,
        artifact=artifact,
        ended_at=timezone.now(),
    )


def test_changes_of_stage_after_it_are_forgotten_and_nothing_else_that_happened(run: Run) -> None:
    for at in (9, 10, 11):
        RunEvent.objects.create(run=run, kind=RunEvent.Kind.STAGE, at_unit=at)
    RunEvent.objects.create(run=run, kind=RunEvent.Kind.NOTE, at_unit=11, text="the disk was full")
    go_back(run)
    assert list(run.events.filter(kind="stage").values_list("at_unit", flat=True)) == [10, 9]
    assert run.events.filter(text="the disk was full").exists()


def test_replays_after_it_go_with_their_files(run: Run) -> None:
    files = {number: stored(b"episode %d" % number) for number in (20, 21, 22)}
    for number, artifact in files.items():
        keep_replay(run, number, artifact)
    go_back(run)
    assert [replay.number for replay in run.replays.all()] == [20]
    assert {number: path_of(file.pk).exists() for number, file in files.items()} == {
        20: True,
        21: False,
        22: False,
    }
    assert Artifact.objects.get() == files[20]


def test_the_run_is_shown_where_it_goes_on(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(done=17)
    go_back(run)
    assert run.done == 10


def test_metrics_episodes_and_checkpoints_after_it_are_forgotten(run: Run) -> None:
    for at in (10, 11):
        MetricPoint.objects.create(run=run, name="loss", at=at, value=1.0)
        Checkpoint.objects.create(
            run_id=run.pk, kind="training", at=at, artifact=stored(b"%d" % at)
        )
    for number in (20, 21):
        EpisodeSummary.objects.create(
            run=run,
            number=number,
            survival_steps=1,
            score=1.0,
            reason="end",
            summary={},
            ended_at=timezone.now(),
        )
    go_back(run)
    assert [point.at for point in run.metrics.all()] == [10]
    assert [episode.number for episode in run.episodes.all()] == [20]
    assert [checkpoint.at for checkpoint in Checkpoint.objects.all()] == [10]


def test_why_it_went_back_so_far_is_noted_at_the_place(run: Run) -> None:
    go_back(run, "the newest checkpoint is damaged")
    note = run.events.get(kind="note")
    assert (note.text, note.at_unit) == ("the newest checkpoint is damaged", 10)
