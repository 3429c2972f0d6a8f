"""What the log says when a lease is gone: nothing, where the worker itself has ended it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from hamlet.learning.town_trainer import TownTrainer
from registry import shutdown
from tests.training.runs import held, make_run, wait_until
from tests.training.tiny_runs import queue_tiny
from training import execution, leases, lifecycle
from training.lease_keeper import LeaseKeeper
from training.models import Run, RunStatus, Wish
from training.session import Session

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir"),
]


@pytest.fixture(autouse=True)
def quick_heart(settings, caplog) -> None:
    settings.RUN_HEARTBEAT_SECONDS = 0.01
    caplog.set_level(logging.INFO)


def news(caplog) -> list[str]:
    return [record.message for record in caplog.records if record.name == "training.lease_keeper"]


def test_a_lease_that_somebody_else_took_is_news(caplog) -> None:
    run = make_run()
    lease = held(run)
    with LeaseKeeper(lease, 0) as keeper:
        wait_until(lambda: leases.take_back(Run.objects.get(pk=run.pk), "thought dead"))
        wait_until(lambda: keeper.lost, what="the next heartbeat")
    [line] = news(caplog)
    assert line.startswith(f"the lease on run {run.pk} with token 1 was taken over or ended")


def pause(keeper: LeaseKeeper) -> None:
    lifecycle.wish(keeper.lease.run_id, Wish.PAUSE)
    wait_until(lambda: keeper.attention, what="the worker to hear of it")


def fail(keeper: LeaseKeeper) -> None:
    raise RuntimeError("shapes cannot be multiplied")


# What happens on the way, what ends the run then, and as what.
ENDINGS: dict[str, tuple[Callable[[LeaseKeeper], object], object, str, RunStatus]] = {
    "finished": (lambda keeper: None, Session, "register", RunStatus.SUCCEEDED),
    "paused": (pause, leases, "rest_as_wished", RunStatus.PAUSED),
    "handed back": (lambda _: shutdown.tell_children(), leases, "hand_back", RunStatus.QUEUED),
    "failed": (fail, execution, "fail", RunStatus.FAILED),
}


@pytest.fixture
def keepers(monkeypatch) -> Iterator[list[LeaseKeeper]]:
    """Those of the runs that are executed."""
    known: list[LeaseKeeper] = []

    class Known(LeaseKeeper):
        def __enter__(self) -> LeaseKeeper:
            known.append(self)
            return super().__enter__()

    monkeypatch.setattr(execution, "LeaseKeeper", Known)
    yield known
    shutdown.FLAG[0] = 0


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_lease_that_the_worker_ended_itself_is_none(
    ending: str, instructor, keepers, monkeypatch, caplog
) -> None:
    disturb, owner, name, status = ENDINGS[ending]
    advance, end = TownTrainer.advance, getattr(owner, name)

    def disturbed(trainer: TownTrainer) -> object:
        if trainer.env_steps == 8:
            disturb(keepers[0])
        return advance(trainer)

    def ending_with_a_heartbeat(*arguments: object) -> object:
        answer = end(*arguments)
        wait_until(lambda: keepers[0].lost, what="the heartbeat after the end")
        return answer

    monkeypatch.setattr(TownTrainer, "advance", disturbed)
    monkeypatch.setattr(owner, name, ending_with_a_heartbeat)
    run = queue_tiny(instructor, episodes=4)
    execution.execute(run.pk)
    run.refresh_from_db()
    assert run.status == status, run.reason
    assert news(caplog) == []
