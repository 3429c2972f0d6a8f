"""Who may work on a job: leases with a heartbeat, and what happens when the heart stops.

A worker claims a queued job and is given a fencing token, one higher than any before. Every write
of the worker names its token, so a worker that was thought dead and wakes up late changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Q, When
from django.db.models.functions import Coalesce, Now

from registry import holder
from registry.jobs import lifecycle
from registry.jobs.errors import LeaseLostError, StatusConflictError
from registry.jobs.kinds import reached
from registry.jobs.models import Job, JobStatus

logger = logging.getLogger(__name__)


# A job that goes on from a saved state was started when it began.
STARTED_AT = Case(When(state__isnull=True, then=Now()), default=Coalesce(F("started_at"), Now()))


@dataclass(frozen=True)
class Lease:
    """The right to work on a job until somebody is given a higher token."""

    job_id: UUID
    token: int


@transaction.atomic
def claim(job_id: UUID) -> Lease | None:
    """Take a queued job, or one whose process provably no longer exists.

    Returns: None where there is nothing to do: the job has ended, is forgotten, rests or is held.
    """
    job = Job.objects.filter(pk=job_id).first()
    if job and job.status == JobStatus.RUNNING and holder.is_gone(job.lease_holder):
        take_back(job, "its worker died")
        job.refresh_from_db()
    if job is None or job.status != JobStatus.QUEUED or rests(job):
        return None
    try:
        lifecycle.move(
            job_id,
            JobStatus.QUEUED,
            JobStatus.RUNNING,
            lease_holder=holder.this_process(),
            fencing_token=F("fencing_token") + 1,
            attempts=F("attempts") + 1,
            heartbeat_at=Now(),
            started_at=STARTED_AT,
            done=lifecycle.DONE_AT_START,
            reason="",
        )
    except StatusConflictError:
        return None  # another worker was faster
    # Our own update holds the row until this transaction ends, so this is the token it gave.
    return Lease(job_id, Job.objects.values_list("fencing_token", flat=True).get(pk=job_id))


def rests(job: Job) -> bool:
    """Whether it is not due yet. A message too many would else look twice as often, for good."""
    return Job.objects.filter(pk=job.pk, queued_at__gt=Now()).exists()


def heartbeat(lease: Lease) -> bool:
    """Prolong the lease. Returns: whether people want the job to stop. Raises: LeaseLostError."""
    return write(lease)


def progress(lease: Lease, done: int, total: int | None = None) -> bool:
    """Prolong the lease and show how far the job is. Args: total: None leaves it as it is.

    Returns: whether people want it to stop. Raises: LeaseLostError.
    """
    return write(lease, done=done) if total is None else write(lease, done=done, total=total)


def write(lease: Lease, **changes: object) -> bool:
    """Prove the lease, prolong it and write these fields of the job, in one statement.

    Inside a transaction the row stays locked until its end, so nobody takes the job over before.
    Returns: whether people want it to stop. Raises: LeaseLostError.
    """
    held = Job.objects.filter(pk=lease.job_id, status=JobStatus.RUNNING, fencing_token=lease.token)
    if not held.update(heartbeat_at=Now(), **changes):
        raise LeaseLostError(
            f"the lease on job {lease.job_id} with token {lease.token} was taken over or ended; "
            "nothing more may be written under it"
        )
    return Job.objects.filter(pk=lease.job_id, cancel_wished=True).exists()


def hand_back(lease: Lease, after_s: float = 0.0, queue: str | None = None) -> None:
    """Give the job up in good order; that is no attempt that failed.

    Args: after_s: nobody may claim it before. queue: where it waits, if not where it did.
    Raises: LeaseLostError.
    """
    moved = {} if queue is None else {"queue": queue}
    lifecycle.move(
        lease.job_id,
        JobStatus.RUNNING,
        JobStatus.QUEUED,
        token=lease.token,
        attempts=F("attempts") - 1,
        queued_at=Now() + timedelta(seconds=after_s),
        **moved,
    )


def take_back(job: Job, why: str) -> JobStatus | None:
    """End the lease of a worker that is gone, if the job still is as we saw it.

    Returns: the new status; None if the worker lives after all or somebody else was faster.
    """
    new, reason = JobStatus.QUEUED, ""
    if job.cancel_wished:
        new = JobStatus.CANCELLED
    elif job.attempts >= settings.JOB_MAX_ATTEMPTS:
        new = JobStatus.FAILED
        reason = (
            f"{job.attempts} workers in a row died on this job, the last one after "
            f"{reached(job)}. Look into the log of the workers, then retry it."
        )
    try:
        lifecycle.move(
            job.pk,
            JobStatus.RUNNING,
            new,
            token=job.fencing_token,
            expected={"heartbeat_at": job.heartbeat_at, "cancel_wished": job.cancel_wished},
            reason=reason,
        )
    except (StatusConflictError, LeaseLostError):
        return None
    logger.warning("job %s: %s; it is %s now", job.pk, why, new)
    return new


def take_back_lapsed() -> list[Job]:
    """Take back every job without heartbeat for JOB_LEASE_SECONDS, or whose process is dead.

    Returns: the jobs that are queued again and need a message.
    """
    running = Job.objects.filter(status=JobStatus.RUNNING)
    late = Q(heartbeat_at__lt=Now() - timedelta(seconds=settings.JOB_LEASE_SECONDS))
    why = f"no heartbeat for {settings.JOB_LEASE_SECONDS} s"
    lapsed = [(job, why) for job in running.filter(late)]
    silent = running.exclude(late)
    lapsed += [(job, "its worker died") for job in silent if holder.is_gone(job.lease_holder)]
    return [job for job, why in lapsed if take_back(job, why) == JobStatus.QUEUED]
