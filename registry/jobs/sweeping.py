"""Every few seconds: find jobs that nobody works on and say or do something about each.

No job stays without a heartbeat, a message or an explanation for longer than a lease and one
round of this.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery.signals import worker_ready
from django.db import DatabaseError, connection
from django.db.models import Q
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from registry.jobs import dispatch, leases
from registry.jobs.models import Job, JobStatus

logger = logging.getLogger(__name__)

# A worker that is starting needs a moment before it answers.
UNSERVED_AFTER = timedelta(seconds=30)
MOST_AT_ONCE = 1000


def sweep(grace: timedelta = dispatch.GRACE) -> None:
    """One round. Args: grace: as in `send_lost_again`."""
    for job in leases.take_back_lapsed():
        dispatch.send(job)
    dispatch.send_lost_again(grace)
    explain_waiting()


def explain_waiting() -> None:
    """Say anew of jobs that wait what they wait for, or that they wait for nothing any more."""
    late = Q(queued_at__lt=Now() - UNSERVED_AFTER) | ~Q(reason="")
    waiting = Job.objects.filter(late, status=JobStatus.QUEUED).order_by("queued_at")
    if found := list(waiting[:MOST_AT_ONCE]):
        dispatch.explain(found)


@worker_ready.connect
def look_after_a_crash(sender: Any = None, **_: object) -> None:
    """A worker for jobs that starts goes on at once with what its dead predecessor left behind.

    Neither a lease nor a time-out of the broker has to lapse first.
    """
    if set(dispatch.DEVICE_OF).isdisjoint(sender.app.amqp.queues.consume_from):
        return
    try:
        sweep(grace=timedelta(0))
    except (DatabaseError, OperationalError, OSError) as error:
        logger.warning("no look for abandoned jobs at the start: %s", error)
    finally:
        connection.close()  # children of the pool that start later must not inherit it
