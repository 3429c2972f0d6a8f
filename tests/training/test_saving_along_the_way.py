"""When a run is saved between the checkpoints it asks for."""

from __future__ import annotations

import time

import pytest

from hamlet.learning.town_trainer import TownTrainer
from tests.training.tiny_runs import TRAINING, queue_tiny
from training import execution, queries, session
from training.models import Run, RunStatus

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir"),
]
RARELY = {**TRAINING, "checkpoint_every": 1000}


class Clock:
    """Stands still but when it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return time.time()


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(session, "time", clock)
    return clock


def sets_clock(monkeypatch, clock: Clock, times: dict[int, float]) -> list[int]:
    """Set the clock before the first unit of work after so many episodes.

    Returns: how often the run had been attempted, as its row said before each unit.
    """
    advance, attempts = TownTrainer.advance, []

    def timed(trainer: TownTrainer) -> object:
        attempts.append(Run.objects.get().attempts)
        passed = [now for episodes, now in times.items() if trainer.finished_episodes >= episodes]
        clock.now = max([clock.now, *passed])
        return advance(trainer)

    monkeypatch.setattr(TownTrainer, "advance", timed)
    return attempts


def saved(run: Run, kind: str) -> list[int]:
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED, run.reason
    return [checkpoint.at for checkpoint in queries.checkpoint_list(run, kind)]


def test_five_minutes_without_a_checkpoint_are_enough(instructor, monkeypatch, clock) -> None:
    run = queue_tiny(instructor, training=RARELY)
    sets_clock(monkeypatch, clock, {20: 301.0})
    execution.execute(run.pk)
    assert saved(run, "training") == [40, 20]
    assert saved(run, "inference") == [40]  # for people, only at the places asked for


def test_within_five_minutes_nothing_is_saved_that_nobody_asked_for(
    instructor, monkeypatch, clock
) -> None:
    run = queue_tiny(instructor, training=RARELY)
    sets_clock(monkeypatch, clock, {20: 300.0})
    execution.execute(run.pk)
    assert saved(run, "training") == [40]


def test_each_checkpoint_begins_the_five_minutes_anew(instructor, monkeypatch, clock) -> None:
    run = queue_tiny(instructor)  # saved at every tenth episode
    sets_clock(monkeypatch, clock, {4: 200.0, 14: 400.0, 24: 600.0, 34: 800.0})
    execution.execute(run.pk)
    assert saved(run, "training") == [40, 30]


def test_a_checkpoint_of_a_run_that_got_no_further_forgives_no_attempt(
    instructor, monkeypatch, clock
) -> None:
    run = queue_tiny(instructor)
    Run.objects.filter(pk=run.pk).update(attempts=1)
    attempts = sets_clock(monkeypatch, clock, {0: 301.0})
    execution.execute(run.pk)
    assert saved(run, "training") == [40, 30]
    # Two towns of 12 steps a day: ten episodes end with the fifth day, the 60th step.
    assert attempts[:61] == [2] * 60 + [1]
