"""What is read about runs: who sees which, snapshots, series, replays."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from hamlet.errors import SpecError
from hamlet.recording import Episode, encode_episode
from registry.artifacts.disk import path_of
from registry.artifacts.store import store_file
from tests.training.runs import held, let_time_pass, make_run
from training import queries
from training.errors import ReplayUnreadableError
from training.models import EpisodeSummary, MetricPoint, Replay, Run, RunEvent

pytestmark = pytest.mark.django_db


def test_who_sees_a_run(run: Run, instructor, student, admin, outsider) -> None:
    own = make_run(owner=student)
    nobodys = make_run()
    seen = {
        who: set(queries.visible_runs(user))
        for who, user in {
            "instructor": instructor,
            "student": student,
            "admin": admin,
            "outsider": outsider,
            "stranger": AnonymousUser(),
        }.items()
    }
    assert seen == {
        "instructor": {run},
        "student": {run, own},
        "admin": {run, own, nobodys},
        "outsider": set(),
        "stranger": set(),
    }


def test_a_snapshot_is_plain_and_tells_the_age_of_the_heartbeat(run: Run) -> None:
    waiting = queries.run_snapshot(run)
    assert waiting["status"] == "queued"
    assert 0 <= waiting["waiting_s"] < 60
    assert waiting["heartbeat_age_s"] is None
    held(run)
    let_time_pass(run, 12)
    running = queries.run_snapshot(run)
    assert running["status"] == "running"
    assert 12 <= running["heartbeat_age_s"] < 60
    assert running["waiting_s"] is None
    assert (running["owner"], running["classroom"]) == ("instructor", "Class of the tests")


def test_the_stage_is_that_of_the_last_change(run: Run) -> None:
    assert queries.run_snapshot(run)["stage"] is None
    for at, new in ((10, 2), (30, 3), (50, 2)):
        RunEvent.objects.create(run=run, kind="stage", at_unit=at, data={"new": new})
    assert queries.run_snapshot(run)["stage"] == 2


def add_metrics(run: Run, name: str, values: dict[int, float]) -> None:
    MetricPoint.objects.bulk_create(
        MetricPoint(run=run, name=name, at=at, value=value) for at, value in values.items()
    )
    Run.objects.filter(pk=run.pk).update(
        done=max(values), latest_metrics={**run.latest_metrics, name: values[max(values)]}
    )
    run.refresh_from_db()


def test_a_short_series_comes_whole(run: Run) -> None:
    add_metrics(run, "loss", {1: 0.5, 2: 0.25, 10: 0.125})
    assert queries.metric_series(run) == {"loss": {"at": [1, 2, 10], "value": [0.5, 0.25, 0.125]}}


def test_a_long_series_is_averaged_over_neighbours(run: Run) -> None:
    add_metrics(run, "loss", {at: float(at) for at in range(1, 101)})
    series = queries.metric_series(run, ["loss"], max_points=10)["loss"]
    # 1..10 average to 5.5 and stand at 10, and so on.
    assert series["at"] == list(range(10, 101, 10))
    assert series["value"] == [5.5 + 10 * n for n in range(10)]


def test_only_the_named_series_come(run: Run) -> None:
    add_metrics(run, "loss", {1: 1.0})
    add_metrics(run, "epsilon", {1: 0.5})
    assert queries.metric_names(run) == ["epsilon", "loss"]
    assert set(queries.metric_series(run, ["loss", "unheard"])) == {"loss"}


def add_episodes(run: Run, count: int) -> None:
    EpisodeSummary.objects.bulk_create(
        EpisodeSummary(
            run=run,
            number=number,
            survival_steps=number,
            score=number / 2,
            stage=1 + number // 50,
            reason="time limit",
            summary={},
            ended_at=timezone.now(),
        )
        for number in range(1, count + 1)
    )


def test_survival_along_the_run_is_thinned_to_what_was_asked(run: Run) -> None:
    assert queries.episode_series(run)["number"] == []
    add_episodes(run, 100)
    assert queries.episode_series(run)["survival_steps"] == [float(n) for n in range(1, 101)]
    thinned = queries.episode_series(run, max_points=4)
    assert thinned == {
        "number": [25, 50, 75, 100],
        "survival_steps": [13.0, 38.0, 63.0, 88.0],
        "score": [6.5, 19.0, 31.5, 44.0],
        "stage": [1, 2, 2, 3],
    }


def add_replay(run: Run, number: int, **fields: object) -> Replay:
    episode = Episode(number, {"layout": {}}, {"x": [1, 2]}, {"reason": "time limit"}, 1e9)
    artifact = store_file(encode_episode(episode), "application/vnd.hamlet.episode")
    values = {"survival_steps": number, "score": 1.0, "reasons": ["every 100th"]}
    return Replay.objects.create(
        run=run, number=number, artifact=artifact, ended_at=timezone.now(), **{**values, **fields}
    )


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({}, [300, 200, 100]),
        ({"stage": 2}, [200]),
        ({"min_number": 150}, [300, 200]),
        ({"min_number": 150, "max_number": 250}, [200]),
        ({"max_survival_steps": 100}, [100]),
        ({"reason": "best"}, [300]),
        ({"reason": "%"}, []),
    ],
)
def test_replays_are_found_by_their_filters(run, artifact_dir, filters, numbers) -> None:
    add_replay(run, 100)
    add_replay(run, 200, stage=2)
    add_replay(run, 300, reasons=["every 100th", "best of 100"])
    assert [replay.number for replay in queries.replay_list(run, filters)] == numbers


@pytest.mark.parametrize(
    "filters", [{"colour": 1}, {"stage": "two"}, {"stage": -1}, {"stage": True}, {"reason": 7}]
)
def test_a_wrong_filter_is_named(run: Run, filters: dict) -> None:
    with pytest.raises(SpecError, match=f"filters.{next(iter(filters))}"):
        queries.replay_list(run, filters)


def test_a_kept_episode_reads_back_and_a_damaged_one_says_so(run: Run, artifact_dir) -> None:
    replay = add_replay(run, 100)
    assert queries.read_replay(replay).columns == {"x": [1, 2]}
    path = path_of(replay.artifact_id)
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(ReplayUnreadableError, match="episode 100 cannot be shown"):
        queries.read_replay(replay)
