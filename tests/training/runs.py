"""Rows of runs, and waiting for something without guessing how long it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.db import connection

from training import leases
from training.leases import Lease
from training.models import Run

Answer = TypeVar("Answer")


def wait_until(condition: Callable[[], Answer], timeout_s: float = 60.0, what: str = "") -> Answer:
    """Ask again until the answer is true. Raises: AssertionError after the time."""
    deadline = time.monotonic() + timeout_s
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s for {what or condition}")
        time.sleep(0.02)
    return answer


def make_run(**fields: Any) -> Run:
    """A queued run whose spec nobody will execute."""
    defaults = {
        "name": "Town L0",
        "system": "town",
        "level": "L0",
        "spec": {"seed": 1, "trainer": "dqn"},
        "spec_hash": "sha256:0",
        "total": 500,
        "unit": "episode",
    }
    return Run.objects.create(**{**defaults, **fields})


def held(run: Run, holder: str = "somebody") -> Lease:
    """Claim the run as a worker does."""
    lease = leases.claim(run.pk, holder)
    assert lease is not None
    run.refresh_from_db()
    return lease


def let_time_pass(run: Run, seconds: float) -> None:
    """Move what the database knows of the run's past back by so long."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE training_run SET heartbeat_at = heartbeat_at - %s * interval '1 second', "
            "queued_at = queued_at - %s * interval '1 second' WHERE id = %s",
            [seconds, seconds, run.pk],
        )
    run.refresh_from_db()


def at_once(actions: Iterable[Callable[[], Any]]) -> list[Any]:
    """Do everything in threads that start together, each with a connection of its own.

    Returns: the answers, or the exceptions, in the order of the actions.
    """
    actions = list(actions)
    answers: list[Any] = [None] * len(actions)
    barrier = threading.Barrier(len(actions))

    def act(index: int) -> None:
        try:
            barrier.wait(timeout=10)
            answers[index] = actions[index]()
        except Exception as error:
            answers[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=[index]) for index in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return answers
