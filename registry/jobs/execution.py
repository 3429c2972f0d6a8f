"""What a worker does with a job: claim it, answer it in chunks, store the answer, say so.

Whatever happens, the job ends in a state that says why, or its lease lapses and the next worker
begins it again.
"""

from __future__ import annotations

import contextlib
import logging
import os
from functools import partial
from uuid import UUID

import redis
import torch
from django.db import DatabaseError, InterfaceError

from hamlet.errors import HamletError
from registry import shutdown
from registry.errors import RegistryError
from registry.hosts.workers import note_loaded
from registry.jobs import calculating, dispatch, leases, lifecycle
from registry.jobs.answers import store_answer
from registry.jobs.errors import LeaseLostError, StatusConflictError
from registry.jobs.heart import Heart
from registry.jobs.leases import Lease
from registry.jobs.models import Job, JobStatus
from registry.jobs.questions import open_question
from registry.serving.targets import target_of

logger = logging.getLogger(__name__)


class Cancelled(Exception):
    """People want the job to stop."""


class HandedBack(Exception):
    """This worker is asked to stop; another one shall do the job."""


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
    job = Job.objects.select_related("version__model", "version__artifact", "question").get(
        pk=job_id
    )
    logger.info("job %s: attempt %d begins", job_id, job.attempts)
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
    except (DatabaseError, InterfaceError):
        logger.exception("job %s: the database stayed away; left to its lease", job.pk)
    except (HamletError, RegistryError) as error:
        fail(lease, str(error))
    except (MemoryError, torch.OutOfMemoryError):
        fail(lease, "The worker ran out of memory. Send fewer rows in a job.")
    except Exception as error:
        logger.exception("job %s", job.pk)
        fail(lease, f"The worker stopped with an error: {spelled(error)}")


def work(job: Job, lease: Lease, heart: Heart) -> None:
    """Raises: LeaseLostError, Cancelled, HandedBack, and whatever keeps the job from its end."""
    target = target_of(job.version)
    model = calculating.load_version(job.version, target, dispatch.device_of(job))
    question = open_question(model.signature, job.question)
    after_chunk = partial(look_up, lease, heart)
    outputs = calculating.answer_in_chunks(model, question, after_chunk)
    # The file first, then the row that names it.
    answer = store_answer(target, model.engine, outputs, question.rows)
    lifecycle.move(
        job.pk,
        JobStatus.RUNNING,
        JobStatus.SUCCEEDED,
        token=lease.token,
        answer=answer,
        done_rows=question.rows,
    )
    logger.info("job %s: %d rows answered", job.pk, question.rows)


def look_up(lease: Lease, heart: Heart, done_rows: int) -> None:
    """Between two chunks: show how far the job is, and hear whether it goes on."""
    if heart.lost:
        raise LeaseLostError(f"no heartbeat of job {lease.job_id} was taken for too long")
    if leases.progress(lease, done_rows):
        raise Cancelled
    if shutdown.orphaned() or shutdown.requested():
        raise HandedBack


def hand_back(job: Job, lease: Lease) -> None:
    try:
        leases.hand_back(lease)
    except (LeaseLostError, StatusConflictError) as error:
        logger.warning("job %s: could not be handed back: %s", job.pk, error)
    else:
        dispatch.send(job)


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
