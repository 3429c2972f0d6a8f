"""The states of a job: one table of legal moves, one way to move, and the wish to stop.

    queued -> running -> succeeded | failed | cancelled
    queued <-> running       handed back, taken over
    failed, cancelled -> queued    tried again

A job begins anew with its first unit, unless its worker has saved a state to go on from.

Only this file writes `status` and `cancel_wished`. All times are the database's, so a wrong clock
on a worker's machine neither holds a lease nor loses one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Case, F, PositiveBigIntegerField, Value, When
from django.db.models.functions import Now

from registry.jobs.errors import IllegalTransitionError, LeaseLostError, StatusConflictError
from registry.jobs.models import ENDED, Job, JobStatus

NEXT = {
    JobStatus.QUEUED: {JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.FAILED},
    JobStatus.RUNNING: {
        JobStatus.QUEUED,
        JobStatus.SUCCEEDED,
        JobStatus.FAILED,
        JobStatus.CANCELLED,
    },
    JobStatus.FAILED: {JobStatus.QUEUED},
    JobStatus.CANCELLED: {JobStatus.QUEUED},
}
# Without a saved state nothing of what was done is left for the next worker.
DONE_AT_START = Case(
    When(state__isnull=True, then=Value(0)),
    default=F("done"),
    output_field=PositiveBigIntegerField(),
)


def move(
    job_id: UUID,
    old: str,
    new: str,
    *,
    token: int | None = None,
    expected: dict[str, Any] | None = None,
    **changes: Any,
) -> None:
    """Move a job from one status to another, or change nothing. One statement, so it is atomic.

    Args:
        token: of the lease, where a worker moves the job; a token given out since refuses it.
        expected: further fields that must still have these values.
        changes: fields that change together with the status.

    Raises: IllegalTransitionError if the table has no such move, LeaseLostError if the worker's
        token is no longer the job's, StatusConflictError if somebody else moved the job first.
    """
    if new not in NEXT.get(old, ()):
        raise IllegalTransitionError(f"a {old} job cannot become {new}")
    conditions = dict(expected or {})
    if token is not None:
        conditions["fencing_token"] = token
    # The status in WHERE makes this a compare-and-swap: of two racing workers, one wins.
    rows = Job.objects.filter(pk=job_id, status=old, **conditions)
    if not rows.update(**{**clean_slate(new), "status": new, **changes}):
        if token is not None and not Job.objects.filter(pk=job_id, fencing_token=token).exists():
            raise LeaseLostError(f"job {job_id} is held by another worker now, or is gone")
        raise StatusConflictError(f"job {job_id} is no longer {old}; reload it and try again")


def clean_slate(new: str) -> dict[str, Any]:
    """Fields that every move to this status sets, unless the move is to `running`."""
    if new == JobStatus.RUNNING:
        return {}
    changes: dict[str, Any] = {"lease_holder": "", "heartbeat_at": None, "cancel_wished": False}
    if new == JobStatus.QUEUED:
        changes |= {"queued_at": Now(), "ended_at": None, "kept_until": None, "done": DONE_AT_START}
    if new in ENDED:
        changes |= {"ended_at": Now(), "kept_until": Now() + timedelta(days=settings.JOB_DAYS)}
    return changes


def wish_to_cancel(job_id: UUID) -> None:
    """Note that people want a running job to stop; its worker sees it after the unit at hand.

    Raises: StatusConflictError if the job stopped running meanwhile.
    """
    if not Job.objects.filter(pk=job_id, status=JobStatus.RUNNING).update(cancel_wished=True):
        raise StatusConflictError(f"job {job_id} is no longer running; reload it and try again")
