"""Learning at night from the games since the last time: when, from which games, and once."""

from __future__ import annotations

import threading
from datetime import date, time, timedelta

import pytest
from celery.beat import Scheduler
from django.db import connection
from django.utils import timezone

from hamletweb.celery import app
from registry.hosts.queues import waiting_messages
from tests.learning_on.material import moment, record
from tests.running.people import make_classroom
from tests.training.runs import make_run, wait_until
from training.models import LearningOn, Night, NightOutcome, Run, RunStatus
from training.retraining.deciding import decide, decide_due, decide_for
from training.retraining.nights import beginning_of, next_beginning, night_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("few_are_enough", "artifact_dir", "redis_url"),
]
NIGHT = date(2026, 11, 22)
NOON = moment("2026-11-22T12:00")


@pytest.fixture
def nightly(model):
    """The model, which learns at night since long ago."""
    since = moment("2026-11-01T12:00")
    LearningOn.objects.create(model=model, nightly=True, nightly_since=since)
    return model


@pytest.mark.parametrize(
    ("now", "night"),
    [
        ("2026-11-22T01:59:59", date(2026, 11, 21)),
        ("2026-11-22T02:00:00", date(2026, 11, 22)),
        ("2026-11-22T23:00:00", date(2026, 11, 22)),
    ],
)
def test_a_night_begins_at_two_and_lasts_until_the_next(now, night):
    assert night_of(moment(now)) == night
    assert next_beginning(moment(now)) == moment(f"{night + timedelta(days=1)}T02:00")


def test_the_time_is_that_of_the_server(settings):
    berlin = moment("2026-11-22T02:30", "Europe/Berlin")
    assert night_of(berlin) == date(2026, 11, 21)  # 01:30 UTC
    settings.RETRAIN_ZONE = berlin.tzinfo
    assert night_of(berlin) == date(2026, 11, 22)
    settings.RETRAIN_AT = time(4, 15)
    assert night_of(berlin) == date(2026, 11, 21)


def test_a_time_that_the_clock_leaves_out_is_the_moment_after_the_gap(settings):
    settings.RETRAIN_ZONE = moment("2026-03-29T00:00", "Europe/Berlin").tzinfo
    summer = date(2026, 3, 29)  # two o'clock is three o'clock
    assert beginning_of(summer).timestamp() == moment("2026-03-29T01:00").timestamp()
    assert night_of(moment("2026-03-29T00:59")) == date(2026, 3, 28)
    assert night_of(moment("2026-03-29T01:00")) == summer


def test_a_night_with_too_few_games_is_noted_with_the_count(nightly, classroom):
    record(2, None, classroom)
    assert decide_due(NOON) == []
    night = Night.objects.get()
    assert (night.model, night.night, night.games_count) == (nightly, NIGHT, 2)
    assert night.outcome == NightOutcome.SKIPPED
    assert "found 2 finished games since the last training; 3 are needed" in night.reason
    assert not Run.objects.exists()


def test_with_enough_games_a_run_learns_from_them(nightly, version, classroom):
    games = record(4, None, classroom)
    assert decide_due(NOON) == [nightly]
    night = decide(nightly, NIGHT)
    assert (night.outcome, night.games_count) == (NightOutcome.TRAINING, 4)
    assert night.newest_game == max(game.pk for game in games)
    spec = night.run.spec["content"]
    assert (spec["config"]["epochs"], night.run.total) == (50, 50)
    assert spec["base"]["checkpoint"] == version.artifact_id
    assert (night.run.model, night.run.owner) == (nightly, nightly.owner)
    assert night.run.classroom == classroom


def test_a_hundred_are_enough_unless_the_operator_says_otherwise(nightly, classroom, settings):
    settings.RETRAIN_GAMES = 100
    record(99, None, classroom)
    assert decide_due(NOON) == []
    assert decide_due(NOON + timedelta(days=1)) == []
    record(1, None, classroom, seed=2)
    assert decide_due(NOON + timedelta(days=2)) == [nightly]
    assert list(Night.objects.values_list("games_count", flat=True)) == [99, 99]


def test_a_night_is_decided_once(nightly, classroom):
    record(4, None, classroom)
    first = decide(nightly, NIGHT)
    assert decide_due(NOON) == []  # another beat, or one after a restart
    assert decide(nightly, NIGHT) == decide(nightly, NIGHT, again=True) == first
    assert Run.objects.count() == 1


def test_games_count_from_the_last_night_that_learned(nightly, classroom):
    record(3, None, classroom)
    first = decide(nightly, NIGHT)
    Run.objects.update(status=RunStatus.SUCCEEDED, ended_at=timezone.now())
    record(2, None, classroom, seed=2)
    assert decide(nightly, NIGHT + timedelta(days=1)).games_count == 2
    record(1, None, classroom, seed=3)
    night = decide(nightly, NIGHT + timedelta(days=2))
    assert (night.outcome, night.games_count) == (NightOutcome.TRAINING, 3)
    assert night.newest_game > first.newest_game


def test_games_of_a_night_that_failed_count_again(nightly, classroom):
    record(3, None, classroom)
    decide(nightly, NIGHT)
    Run.objects.update(status=RunStatus.FAILED, ended_at=timezone.now())
    Night.objects.update(outcome=NightOutcome.FAILED)
    night = decide(nightly, NIGHT + timedelta(days=1))
    assert (night.outcome, night.games_count) == (NightOutcome.TRAINING, 3)


def test_while_the_run_of_a_night_goes_on_there_is_no_other(nightly, classroom):
    record(3, None, classroom)
    decide(nightly, NIGHT)
    record(3, None, classroom, seed=2)
    night = decide(nightly, NIGHT + timedelta(days=1))
    assert night.outcome == NightOutcome.SKIPPED
    assert "goes on still" in night.reason


def test_without_a_version_in_service_a_night_is_skipped(nightly, classroom):
    record(3, None, classroom)
    nightly.aliases.filter(name="production").delete()
    assert decide_due(NOON) == []
    assert "No version of dropper is in service" in Night.objects.get().reason


def test_models_learn_at_night_only_once_somebody_turned_it_on(model, change, classroom):
    record(3, None, classroom)
    now = timezone.now()
    assert decide_due(now) == []
    assert change(nightly=True).status_code == 200
    assert decide_due(now) == []  # this night had begun before
    assert decide_due(now + timedelta(days=1)) == [model]
    assert change(nightly=False).status_code == 200
    assert decide_due(now + timedelta(days=1)) == []
    assert decide_for(model.pk, NIGHT) is None
    assert not Night.objects.exists()


def test_only_games_that_the_model_may_learn_from_count(nightly, classroom, instructor, student):
    record(1, student, classroom)
    record(1, student, classroom, seed=2, run=make_run())  # of a training
    record(1, student, make_classroom("Elsewhere"), seed=3)
    record(1, instructor, None, seed=4)  # the owner's own
    refused = record(1, student, classroom, seed=5)
    type(refused[0]).objects.filter(pk=refused[0].pk).update(consent=False)
    mirrored = record(1, student, classroom, seed=6)
    type(mirrored[0]).objects.filter(pk=mirrored[0].pk).update(mirror_of="another")
    assert decide(nightly, NIGHT).games_count == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_that_decide_at_once_one_starts_a_run(nightly, classroom):
    record(3, None, classroom)
    decided, gate = [], threading.Barrier(2)

    def begin() -> None:
        try:
            gate.wait(30)
            decided.append(decide_for(nightly.pk, NIGHT))
        finally:
            connection.close()

    threads = [threading.Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert decided[0] == decided[1]
    assert {night.run_id for night in decided} == {Run.objects.get().pk}


@pytest.mark.django_db(transaction=True)
def test_two_beats_and_a_worker_give_one_run(nightly, classroom, celery_worker_process):
    record(3, None, classroom)
    celery_worker_process("default,work", env={"HAMLET_RETRAIN_GAMES": "3"})
    for _ in range(2):
        beat = Scheduler(app=app, lazy=False)
        beat.apply_async(beat.schedule["look-after-nights"], advance=False)
    night = wait_until(lambda: Night.objects.filter(run__isnull=False).first(), what="the run")
    assert night.night == night_of(timezone.now())
    beat.apply_async(beat.schedule["look-after-nights"], advance=False)
    wait_until(idle, what="the worker to have done all")
    assert Run.objects.count() == 1
    assert Night.objects.count() == 1


def idle() -> bool:
    seen = app.control.inspect(timeout=5).active() or {}
    return not (waiting_messages("default") or waiting_messages("work") or any(seen.values()))
