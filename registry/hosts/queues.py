"""The queues of the platform: what each is for, which device its tasks need, how to fill it.

The database says what waits; a message only wakes a worker. So a message too many is harmless
(the worker finds the work taken), and one too few is sent again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from celery import current_app
from kombu.exceptions import ChannelError, OperationalError

logger = logging.getLogger(__name__)

CPU, CUDA = "cpu", "cuda"
RETRY_POLICY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2}


@dataclass(frozen=True)
class Queue:
    """`device`: what its tasks calculate on; None where that does not matter."""

    name: str
    purpose: str
    device: str | None = None


QUEUES = {
    queue.name: queue
    for queue in (
        Queue("default", "housekeeping of the platform"),
        Queue("inference", "prediction jobs and other short work on processors", CPU),
        Queue("inference.gpu", "prediction jobs on GPUs", CUDA),
        Queue("work", "long jobs on processors: self-play, datasets, tournaments", CPU),
        Queue("work.gpu", "long jobs on GPUs", CUDA),
        Queue("training.cpu", "runs on processors", CPU),
        Queue("training.gpu", "runs on GPUs", CUDA),
    )
}


def send(task: str, subject: object, queue: str, countdown_s: float | None = None) -> bool:
    """Wake a worker: `task` with the id of what waits.

    Args: countdown_s: how long the worker keeps the message before it acts on it.
    Returns: whether the broker took the message. If not, the next sweep sends it again.
    """
    try:
        current_app.send_task(
            task,
            args=[str(subject)],
            queue=queue,
            countdown=countdown_s,
            retry=True,
            retry_policy=RETRY_POLICY,
        )
    except (OperationalError, OSError) as error:
        logger.warning("%s waits; the broker took no message for it: %s", subject, error)
        return False
    return True


def waiting_messages(queue: str) -> int:
    """How many messages the broker holds for workers of this queue.

    Raises: kombu's OperationalError or OSError if the broker is away.
    """
    with current_app.connection_for_read() as connection:
        try:
            return connection.default_channel.queue_declare(queue, passive=True).message_count
        except ChannelError:
            return 0  # the broker forgets a queue when it is empty
