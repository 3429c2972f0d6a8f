"""Messages to workers: which run waits where, and the ones that were lost on the way.

The database says what waits; a message only wakes a worker. So a message too many is harmless
(the worker finds the run taken), and one too few is sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import Count, Min
from django.db.models.functions import Extract, Now
from kombu.exceptions import OperationalError

from registry.hosts import queries, queues, routing
from registry.hosts.queues import waiting_messages
from training import events
from training.models import Run, RunStatus

logger = logging.getLogger(__name__)

TASK = "training.tasks.execute_run"
QUEUES = {"cpu": "training.cpu", "gpu": "training.gpu"}
# A run that was queued this moment may have its message still under way.
GRACE = timedelta(seconds=15)
MOST_AT_ONCE = 200


def send_when_committed(run: Run) -> None:
    """Wake a worker for the run as soon as others can see that it waits.

    Where no worker would take it, the run says so from then on.
    """
    transaction.on_commit(partial(send_and_explain, run))


def send_and_explain(run: Run) -> None:
    if send(run):
        explain([run])


def send(run: Run) -> bool:
    """Returns: whether the broker took the message. If not, the next sweep sends it again."""
    return queues.send(TASK, run.pk, run.queue)


def send_lost_again(grace: timedelta = GRACE) -> int:
    """Send messages for waiting runs where the broker holds fewer messages than runs wait.

    Messages for runs that ended meanwhile may hide a missing one until a free worker has cleared
    them away, which takes it milliseconds; while no worker is free, nothing is late.

    Args:
        grace: runs that were queued more recently are left alone.
    Returns: how many were sent: at most MOST_AT_ONCE for each queue, and none after one that the
        broker did not take.
    """
    waiting = Run.objects.filter(status=RunStatus.QUEUED, queued_at__lte=Now() - grace)
    counts = waiting.order_by().values_list("queue").annotate(Count("pk"))
    sent = 0
    for queue, count in counts:
        if waiting_messages(queue) < count:
            first = waiting.filter(queue=queue).order_by("queued_at", "pk")
            for run in first.only("pk", "queue")[:MOST_AT_ONCE]:
                if not send(run):
                    return sent
                sent += 1
    if sent:
        logger.warning("sent messages again for %d waiting runs", sent)
    return sent


def waiting_runs() -> list[queries.Waiting]:
    """For the page of workers: how many runs wait in each queue."""
    found = (
        Run.objects.filter(status=RunStatus.QUEUED)
        .order_by()
        .values("queue")
        .annotate(count=Count("pk"), oldest=Extract(Now() - Min("queued_at"), "epoch"))
    )
    return [
        queries.Waiting(row["queue"], "run", row["count"], max(float(row["oldest"]), 0.0))
        for row in found
    ]


def explain(runs: Iterable[Run]) -> None:
    """Say of runs that wait for a queue or a device that nobody offers what has to be started.

    Nothing is said as long as nobody knows which workers there are.
    """
    try:
        living = queries.living_workers()
    except OperationalError as error:
        logger.warning("%s", error)
        return
    for run in runs:
        explanation = routing.explanation(run.queue, living)
        # Only a run that still waits, and only when there is something new to say.
        changed = Run.objects.filter(pk=run.pk, status=RunStatus.QUEUED).exclude(reason=explanation)
        if changed.update(reason=explanation):
            events.publish_news(run.pk)
