"""Messages to workers: which run waits where, and the ones that were lost on the way.

The database says what waits; a message only wakes a worker. So a message too many is harmless
(the worker finds the run taken), and one too few is sent again.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

import redis
from celery import current_app
from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Now
from kombu.exceptions import ChannelError, OperationalError

from training import workers
from training.models import Run, RunStatus

logger = logging.getLogger(__name__)

TASK = "training.tasks.execute_run"
QUEUES = {"cpu": "training.cpu", "gpu": "training.gpu"}
# A run that was queued this moment may have its message still under way.
GRACE = timedelta(seconds=15)
MOST_AT_ONCE = 200
RETRY_POLICY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2}


def send_when_committed(run: Run) -> None:
    """Wake a worker for the run as soon as others can see that it waits."""
    transaction.on_commit(partial(send, run))


def send(run: Run) -> bool:
    """Returns: whether the broker took the message. If not, the next sweep sends it again."""
    try:
        current_app.send_task(
            TASK,
            args=[str(run.pk)],
            queue=run.queue,
            retry=True,
            retry_policy=RETRY_POLICY,
        )
    except (OperationalError, OSError) as error:
        logger.warning("run %s waits; the broker took no message for it: %s", run.pk, error)
        return False
    return True


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


def waiting_messages(queue: str) -> int:
    """How many messages the broker holds for workers of this queue."""
    with current_app.connection_for_read() as connection:
        try:
            return connection.default_channel.queue_declare(queue, passive=True).message_count
        except ChannelError:
            return 0  # the broker forgets a queue when it is empty


def served_queues() -> set[str]:
    """Queues that some worker listens to. Raises: OperationalError if nobody knows, or not yet."""
    try:
        if not workers.all_heard():
            raise OperationalError("Valkey was emptied; workers say anew which queues they serve")
        return {queue for worker in workers.heard_workers() for queue in worker.queues}
    except redis.RedisError as error:
        raise OperationalError(f"nobody knows which queues are served: {error}") from error
