"""What a worker does with a job: claim it, let its kind work, note what came of it.

Whatever happens, the job ends in a state that says why, or its lease lapses and the next worker
begins it again, from the state that was saved last.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
import redis
import torch
from django.db import DatabaseError, InterfaceError

from hamlet.errors import HamletError
from registry import shutdown
from registry.errors import RegistryError
from registry.hosts.workers import note_loaded
from registry.jobs import calculating, dispatch, kinds, leases, lifecycle
from registry.jobs.context import Cancelled, HandedBack, JobContext, Resting
from registry.jobs.errors import JobFailedError, LeaseLostError, StatusConflictError
from registry.jobs.heart import Heart
from registry.jobs.leases import Lease
from registry.jobs.models import Job, JobStatus

logger = logging.getLogger(__name__)


MAX_RESULT_BYTES = 1 << 20


def execute(job_id: UUID, worker: str) -> None:
    """Do the job, unless it has ended or is held by a living worker: messages come at least once.

    Args: worker: the name of the calling Celery worker.
    """
    job = Job.objects.filter(pk=job_id).first()
    if job is not None and not calculating.has_device(dispatch.device_of(job)):
        dispatch.note_blind_worker(job, worker)
        return
    lease = leases.claim(job_id)
    if lease is None:
        logger.info("job %s needs no work now", job_id)
        return
    job = Job.objects.select_related(
        "owner", "version__model", "version__artifact", "question"
    ).get(pk=job_id)
    logger.info("job %s (%s): attempt %d begins", job_id, job.kind, job.attempts)
    with shutdown.listening(), Heart(lease) as heart:
        attempt(job, lease, heart)
    with contextlib.suppress(redis.RedisError):
        note_loaded(worker, os.getpid(), calculating.loaded_digests())


def attempt(job: Job, lease: Lease, heart: Heart) -> None:
    """Do a claimed job, and note how it ended."""
    try:
        work(job, lease, heart)
    except (LeaseLostError, StatusConflictError) as error:
        logger.warning("job %s: stopped at once: %s", job.pk, error)
    except Cancelled:
        end(lease, JobStatus.CANCELLED)
    except HandedBack:
        hand_back(job, lease)
    except Resting as resting:
        hand_back(job, lease, resting.seconds, resting.queue)
    except (DatabaseError, InterfaceError):
        logger.exception("job %s: the database stayed away; left to its lease", job.pk)
    except (HamletError, RegistryError) as error:
        fail(lease, str(error))
    except (MemoryError, torch.OutOfMemoryError):
        fail(lease, f"The worker ran out of memory. {kinds.find(job.kind).memory_advice}")
    except Exception as error:
        logger.exception("job %s", job.pk)
        fail(lease, f"The worker stopped with an error: {spelled(error)}")


def work(job: Job, lease: Lease, heart: Heart) -> None:
    """Raises: LeaseLostError, Cancelled, HandedBack, Resting, and whatever keeps the job from its
    end."""
    context = JobContext(job, lease, heart)
    finished = kinds.find(job.kind).work(context)
    done = context.done if finished.done is None else finished.done
    lifecycle.move(
        job.pk,
        JobStatus.RUNNING,
        JobStatus.SUCCEEDED,
        token=lease.token,
        answer=finished.answer,
        result=checked_result(finished.result),
        done=done,
        total=done,
    )
    logger.info("job %s: %d %ss done", job.pk, done, kinds.unit_of(job))


def checked_result(result: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Raises: JobFailedError if it is larger than a row should be."""
    size = 0 if result is None else len(orjson.dumps(result))
    if size > MAX_RESULT_BYTES:
        raise JobFailedError(
            f"The result has {size} bytes; at most {MAX_RESULT_BYTES} are kept in a job. "
            "Ask for less in one job."
        )
    return result


def hand_back(job: Job, lease: Lease, after_s: float = 0.0, queue: str | None = None) -> None:
    try:
        leases.hand_back(lease, after_s, queue)
    except (LeaseLostError, StatusConflictError) as error:
        logger.warning("job %s: could not be handed back: %s", job.pk, error)
    else:
        job.queue = queue or job.queue
        dispatch.send(job, after_s)


def end(lease: Lease, new: JobStatus, reason: str = "") -> None:
    try:
        lifecycle.move(lease.job_id, JobStatus.RUNNING, new, token=lease.token, reason=reason)
    except (LeaseLostError, StatusConflictError) as error:
        logger.warning("job %s: that it %s could not be noted: %s", lease.job_id, new, error)


def fail(lease: Lease, reason: str) -> None:
    """End the job with a reason for people."""
    logger.warning("job %s failed: %s", lease.job_id, reason)
    end(lease, JobStatus.FAILED, reason[:2000])


def spelled(error: Exception) -> str:
    """One line of a size that people read."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__
