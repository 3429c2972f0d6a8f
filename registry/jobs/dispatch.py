"""Messages to workers: which job waits where, the ones that were lost on the way, and what to say
of jobs that nobody would take."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from registry.hosts import queues, routing
from registry.hosts.queries import Worker, living_workers
from registry.hosts.queues import CPU, CUDA, waiting_messages
from registry.jobs.models import Job, JobStatus

logger = logging.getLogger(__name__)

TASK = "registry.jobs.tasks.execute_job"
ANY = "any"
# By device, for what somebody waits for, and for what takes minutes or hours.
INFERENCE: Mapping[str, str] = {CPU: "inference", CUDA: "inference.gpu"}
WORK: Mapping[str, str] = {CPU: "work", CUDA: "work.gpu"}
DEVICE_OF = {queue: device for family in (INFERENCE, WORK) for device, queue in family.items()}
FAMILY_OF = {queue: family for family in (INFERENCE, WORK) for queue in family.values()}
# A job that was queued this moment may have its message still under way.
GRACE = timedelta(seconds=15)
MOST_AT_ONCE = 200


def queue_for(device: str, family: Mapping[str, str] = INFERENCE) -> str:
    """Where a job for `cpu`, `cuda` or `any` device waits. `any` is a GPU where one is offered."""
    if device != ANY:
        return family[device]
    try:
        return best_queue(living_workers(), family)
    except OperationalError:
        return family[CPU]


def device_of(job: Job) -> str:
    """What the job is calculated on where it waits now; `job.device` is what was asked for."""
    return DEVICE_OF[job.queue]


def best_queue(living: Sequence[Worker], family: Mapping[str, str]) -> str:
    gpu = family[CUDA]
    return gpu if not routing.explanation(gpu, living) else family[CPU]


def send_when_committed(job: Job) -> None:
    """Wake a worker for the job as soon as others can see that it waits.

    Where no worker would take it, the job says so from then on.
    """
    transaction.on_commit(partial(send_and_explain, job))


def send_and_explain(job: Job) -> None:
    if send(job):
        explain([job])


def send(job: Job, after_s: float = 0.0) -> bool:
    """Args: after_s: how long a worker keeps the message before it acts on it.

    Returns: whether the broker took the message. If not, the next sweep sends it again.
    """
    # A little later than the job is due, since the clocks of hosts differ.
    return queues.send(TASK, job.pk, job.queue, after_s + 0.2 if after_s else None)


def send_lost_again(grace: timedelta = GRACE) -> int:
    """Send messages for waiting jobs where the broker holds fewer messages than jobs wait.

    Args: grace: jobs that were queued more recently are left alone.
    Returns: how many were sent.
    """
    waiting = Job.objects.filter(status=JobStatus.QUEUED, queued_at__lte=Now() - grace)
    sent = 0
    for queue, count in waiting.order_by().values_list("queue").annotate(Count("pk")):
        if waiting_messages(queue) < count:
            first = waiting.filter(queue=queue).order_by("queued_at", "pk")
            for job in first.only("pk", "queue")[:MOST_AT_ONCE]:
                if not send(job):
                    return sent
                sent += 1
    if sent:
        logger.warning("sent messages again for %d waiting jobs", sent)
    return sent


def explain(jobs: Iterable[Job]) -> None:
    """Say of jobs that wait for a device that nobody offers what has to be started.

    A job for any device goes to another queue instead, if somebody serves that. Nothing is said
    as long as nobody knows which workers there are.
    """
    try:
        living = living_workers()
    except OperationalError as error:
        logger.warning("%s", error)
        return
    for job in jobs:
        waiting = Job.objects.filter(pk=job.pk, status=JobStatus.QUEUED)
        reason = routing.explanation(job.queue, living)
        if reason and job.device == ANY:
            better = best_queue(living, FAMILY_OF[job.queue])
            if better != job.queue and waiting.update(queue=better, reason=""):
                job.queue = better
                send(job)
                reason = routing.explanation(better, living)
        # Only a job that still waits, and only when there is something new to say.
        waiting.exclude(reason=reason).update(reason=reason)


def note_blind_worker(job: Job, worker: str) -> None:
    """A worker got a job for a device that it has not: the job waits on, and says why."""
    reason = (
        f"{worker} listens to {job.queue} but sees no {device_of(job)} device. "
        f"Start a worker on a host that has one: celery -A hamletweb worker -Q {job.queue}"
    )
    logger.warning("job %s: %s", job.pk, reason)
    Job.objects.filter(pk=job.pk, status=JobStatus.QUEUED).update(reason=reason)
