"""What a person asks for: queue a job, cancel it, try it again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from hamlet.errors import Problem, SpecError
from hamlet.schema import Choice, Section, content_hash, describe, validate
from registry.accounts.models import User
from registry.artifacts.store import store_file
from registry.errors import NotChangeableError
from registry.hosts.queues import CPU, CUDA
from registry.jobs import dispatch, lifecycle
from registry.jobs.errors import IdempotencyConflictError, TooManyJobsError
from registry.jobs.models import ENDED, Job, JobStatus
from registry.queries import find_version

KEY = re.compile(r"[\x21-\x7e]{1,100}")
DEVICES = (CPU, CUDA, dispatch.ANY)
DEVICE = Section({"device": Choice(*DEVICES, default=CPU)})
MOST_UNFINISHED = 100  # jobs of one person


def queue_job(user: User, request: Any, *, idempotency_key: str | None = None) -> tuple[Job, bool]:
    """Queue a job as asked; with a key that was used before, give the job it made then.

    Args:
        request: as `POST /api/v1/predict` takes it, with any number of rows, and `device`.
    Returns: (the job, whether this call made it).
    Raises: SpecError naming every fault, VersionNotFoundError, ArchivedVersionError,
        IdempotencyConflictError, TooManyJobsError, NotChangeableError. Nothing is made then.
    """
    if not user.has_perm("registry.predict_modelversion"):
        raise NotChangeableError("You may not ask for predictions. Ask an instructor.")
    if idempotency_key is not None and not KEY.fullmatch(idempotency_key):
        message = f"found {describe(idempotency_key)}; expected 1 to 100 printable characters"
        raise SpecError([Problem("Idempotency-Key", message)])
    asked = body_hash(request)
    if earlier := find_by_key(user, idempotency_key, asked):
        return earlier, False
    check_room(user.pk)  # once more with the row; this spares reading what is refused anyway
    try:
        return create_job(user, request, asked, idempotency_key), True
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
            "for some of them, cancel some, or send more rows in each."
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
    if key is None:
        return None
    job = Job.objects.filter(owner=user, idempotency_key=key).first()
    if job is not None and job.request_hash != asked:
        raise IdempotencyConflictError(
            f"The key {key!r} was used before, with another body (job {job.pk}). "
            "Use a new key for a new job."
        )
    return job


def create_job(user: User, request: Any, asked: str, key: str | None) -> Job:
    """Check and keep the question, then the row, and wake a worker once that is committed."""
    # These bring torch, which a process that only lists jobs need not load.
    from registry.jobs import questions
    from registry.serving.prediction import split_request
    from registry.serving.targets import target_of

    model, alias_or_number, rest = split_request(request)
    device = read_device(rest)
    version = find_version(user, model, alias_or_number)
    question = questions.read_body(target_of(version).signature, rest)
    artifact = store_file(questions.to_bytes(question), questions.MEDIA_TYPE)
    with transaction.atomic():
        take_room(user.pk)
        job = Job.objects.create(
            owner=user,
            version=version,
            device=device,
            queue=dispatch.queue_for(device),
            question=artifact,
            request_hash=asked,
            idempotency_key=key,
            total_rows=question.rows,
            queued_at=Now(),
            created_at=Now(),
        )
        dispatch.send_when_committed(job)
    return job


def read_device(rest: dict[str, Any]) -> str:
    """Take `device` out of what is asked of the model. Raises: SpecError."""
    given: Mapping[str, Any] = {"device": rest.pop("device")} if "device" in rest else {}
    return validate(DEVICE, given)["device"]


def cancel_job(job: Job) -> None:
    """End the job: at once if it waits, after the present rows if it runs.

    Args: job: one that the asker may see, which is who may steer it.
    Raises: IllegalTransitionError if it has ended, StatusConflictError.
    """
    if job.status == JobStatus.RUNNING:
        lifecycle.wish_to_cancel(job.pk)
    else:
        lifecycle.move(job.pk, job.status, JobStatus.CANCELLED, reason="")


def retry_job(job: Job) -> None:
    """Let a failed or cancelled job begin again with its first row.

    Raises: IllegalTransitionError for any other, StatusConflictError, TooManyJobsError if its owner
        has as many unfinished ones as one may have.
    """
    with transaction.atomic():
        if job.owner_id is not None and job.ended:
            take_room(job.owner_id)
        queue = dispatch.queue_for(job.device)
        changes = {"attempts": 0, "reason": "", "queue": queue}
        lifecycle.move(job.pk, job.status, JobStatus.QUEUED, **changes)
        job.queue = queue
        dispatch.send_when_committed(job)
