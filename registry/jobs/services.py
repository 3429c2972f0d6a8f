"""What a person asks for: queue a job, cancel it, try it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from hamlet.errors import Problem, SpecError
from hamlet.schema import content_hash
from registry.accounts.models import User
from registry.errors import NotChangeableError
from registry.idempotency import check_key, made_before
from registry.jobs import dispatch, kinds, lifecycle
from registry.jobs.errors import IdempotencyConflictError, TooManyJobsError
from registry.jobs.kinds import JobKind
from registry.jobs.models import ENDED, Job, JobStatus
from registry.jobs.predicting import PREDICTION

MAX_REQUEST_BYTES = 1 << 18
MOST_UNFINISHED = 100  # jobs of one person


def queue_job(
    user: User,
    request: Any,
    *,
    kind: str = PREDICTION.name,
    idempotency_key: str | None = None,
) -> tuple[Job, bool]:
    """Queue a job as asked; with a key that was used before, give the job it made then.

    Args:
        request: as `read` of the kind takes it; for a prediction as `POST /api/v1/predict` takes
            it, with any number of rows, and `device`.
    Returns: (the job, whether this call made it).
    Raises: SpecError naming every fault, VersionNotFoundError, ArchivedVersionError,
        IdempotencyConflictError, TooManyJobsError, NotChangeableError, and whatever else `read` of
        the kind raises. Nothing is made then.
    """
    wanted = kinds.find(kind)
    if not user.has_perm(wanted.permission):
        raise NotChangeableError(wanted.refusal)
    check_key(idempotency_key)
    asked = body_hash(request if wanted is PREDICTION else {"kind": kind, "request": request})
    if earlier := find_by_key(user, idempotency_key, asked):
        return earlier, False
    check_room(user.pk)  # once more with the row; this spares reading what is refused anyway
    try:
        return create_job(user, wanted, request, asked, idempotency_key), True
    except (IntegrityError, TooManyJobsError):
        # The same key arrived twice at once; the other request won.
        if earlier := find_by_key(user, idempotency_key, asked):
            return earlier, False
        raise


def check_room(owner_id: int) -> None:
    """Raises: TooManyJobsError if this person has as many unfinished jobs as one may have."""
    unfinished = Job.objects.filter(owner_id=owner_id).exclude(status__in=ENDED)
    if unfinished.count() >= MOST_UNFINISHED:
        raise TooManyJobsError(
            f"{MOST_UNFINISHED} jobs of one person have not ended, the most there may be. Wait "
            "for some of them, cancel some, or ask for more in each."
        )


def take_room(owner_id: int) -> None:
    """`check_room`, and until the transaction ends nobody else takes room of that person.

    Raises: TooManyJobsError.
    """
    User.objects.select_for_update(no_key=True).get(pk=owner_id)
    check_room(owner_id)


def body_hash(request: Any) -> str:
    """Raises: SpecError if the request holds what JSON cannot say."""
    try:
        return content_hash(request)
    except (TypeError, ValueError) as error:
        message = f"holds what JSON cannot say ({error}); expected plain, finite values"
        raise SpecError([Problem("(document)", message)]) from None


def find_by_key(user: User, key: str | None, asked: str) -> Job | None:
    """Raises: IdempotencyConflictError if the key was used with another body."""
    own = Job.objects.filter(owner=user)
    return made_before(own, key, asked, "job", IdempotencyConflictError)


def create_job(user: User, kind: JobKind, request: Any, asked: str, key: str | None) -> Job:
    """Read the request, make the row, and wake a worker once that is committed."""
    prepared = kind.read(user, request)
    check_size(prepared.request)
    with transaction.atomic():
        take_room(user.pk)
        job = Job.objects.create(
            owner=user,
            kind=kind.name,
            classroom=prepared.classroom,
            version=prepared.version,
            device=prepared.device,
            queue=dispatch.queue_for(prepared.device, kind.queues),
            request=prepared.request,
            question=prepared.question,
            request_hash=asked,
            idempotency_key=key,
            total=prepared.total,
            queued_at=Now(),
            created_at=Now(),
        )
        if prepared.on_made is not None:
            prepared.on_made(job)
        dispatch.send_when_committed(job)
    return job


def check_size(request: Mapping[str, Any]) -> None:
    """Raises: SpecError if what is asked is larger than a row should be."""
    if (size := len(orjson.dumps(request))) > MAX_REQUEST_BYTES:
        message = f"found {size} bytes; expected at most {MAX_REQUEST_BYTES}"
        raise SpecError([Problem("(document)", message)])


def cancel_job(job: Job) -> None:
    """End the job: at once if it waits, after the unit at hand if it runs.

    Args: job: one that the asker may see, which is who may steer it.
    Raises: IllegalTransitionError if it has ended, StatusConflictError.
    """
    if job.status == JobStatus.RUNNING:
        lifecycle.wish_to_cancel(job.pk)
    else:
        lifecycle.move(job.pk, job.status, JobStatus.CANCELLED, reason="")


def retry_job(job: Job) -> None:
    """Let a failed or cancelled job begin again: from its saved state, or with its first unit.

    Raises: IllegalTransitionError for any other, StatusConflictError, TooManyJobsError if its owner
        has as many unfinished ones as one may have.
    """
    with transaction.atomic():
        if job.owner_id is not None and job.ended:
            take_room(job.owner_id)
        queue = dispatch.queue_for(job.device, dispatch.FAMILY_OF[job.queue])
        changes = {"attempts": 0, "reason": "", "queue": queue}
        lifecycle.move(job.pk, job.status, JobStatus.QUEUED, **changes)
        job.queue = queue
        dispatch.send_when_committed(job)
