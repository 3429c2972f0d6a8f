"""Every few seconds: find runs that nobody works on and say or do something about each.

No run stays without a heartbeat, a message or an explanation for longer than a lease and one
round of this.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from celery.signals import worker_ready
from django.db import DatabaseError, connection
from django.db.models import Q
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from training import dispatch, leases
from training.hypersearch.stopping import stop_trials
from training.models import Run, RunStatus

logger = logging.getLogger(__name__)

# A worker that is starting needs a moment before it answers.
UNSERVED_AFTER = timedelta(seconds=30)
MOST_AT_ONCE = 1000


def sweep() -> None:
    """One round."""
    stop_trials()
    take_back_and_wake()
    dispatch.send_lost_again()
    explain_waiting()


def take_back_and_wake() -> None:
    for run in leases.take_back_abandoned():
        dispatch.send(run)


@worker_ready.connect
def look_after_a_crash(**_: object) -> None:
    """A worker that starts goes on at once with what its dead predecessor left behind.

    Neither a lease nor a time-out of the broker has to lapse first.
    """
    try:
        take_back_and_wake()
        dispatch.send_lost_again(grace=timedelta(0))
    except (DatabaseError, OperationalError, OSError) as error:
        logger.warning("no look for abandoned runs at the start: %s", error)
    finally:
        connection.close()  # children of the pool that start later must not inherit it


def explain_waiting() -> None:
    """Say anew of runs that wait what they wait for, or that they wait for nothing any more."""
    late = Q(queued_at__lt=Now() - UNSERVED_AFTER) | ~Q(reason="")
    waiting = Run.objects.filter(late, status=RunStatus.QUEUED).order_by("queued_at")
    if found := list(waiting[:MOST_AT_ONCE]):
        dispatch.explain(found)
