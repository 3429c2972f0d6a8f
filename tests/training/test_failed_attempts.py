"""Workers that die on a run count against it only as long as it gets no further."""

from __future__ import annotations

import pytest

from hamlet.learning.town_trainer import TownTrainer
from tests.training.tiny_runs import queue_tiny
from training import execution, leases
from training.models import Run, RunStatus

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir"),
]


class Death(BaseException):
    """As sudden as kill -9: nobody catches it, so the run keeps its lease."""


@pytest.fixture
def dies_at(monkeypatch) -> list[int]:
    """Numbers of finished episodes at which the worker dies, each of them once."""
    left: list[int] = []
    advance = TownTrainer.advance

    def dying(trainer: TownTrainer) -> object:
        if left and trainer.finished_episodes >= left[0]:
            left.pop(0)
            raise Death
        return advance(trainer)

    monkeypatch.setattr(TownTrainer, "advance", dying)
    return left


def die_on(run: Run) -> RunStatus | None:
    """A worker dies on the run. Returns: what becomes of it."""
    with pytest.raises(Death):
        execution.execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING
    return leases.take_back(run, "its worker died")


def test_a_run_that_gets_further_each_time_may_lose_any_number_of_workers(
    instructor, settings, dies_at
) -> None:
    settings.RUN_MAX_ATTEMPTS = 2
    run = queue_tiny(instructor)  # saved at every tenth episode
    dies_at += [12, 22, 32]
    for _ in range(3):
        assert die_on(run) == RunStatus.QUEUED
        run.refresh_from_db()
        assert run.attempts == 1
    execution.execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.done) == (RunStatus.SUCCEEDED, 40)


def test_a_run_that_gets_no_further_fails_at_the_last_attempt(
    instructor, settings, dies_at
) -> None:
    settings.RUN_MAX_ATTEMPTS = 2
    run = queue_tiny(instructor)
    dies_at += [12, 14]  # the second before the next checkpoint
    assert die_on(run) == RunStatus.QUEUED
    assert die_on(run) == RunStatus.FAILED
    run.refresh_from_db()
    assert run.reason.startswith("2 workers in a row died on this run before it got further")
