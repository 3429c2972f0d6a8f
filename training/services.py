"""What a person asks for: queue a run, pause it, let it go on, cancel it, clear up after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from registry.checkpoints import drop_checkpoints
from registry.idempotency import check_key
from registry.models import Checkpoint, User
from training import dispatch, lifecycle
from training.creating import body_hash, create_run
from training.errors import (
    IdempotencyConflictError,
    IllegalTransitionError,
    StatusConflictError,
    SteeringRefusedError,
)
from training.models import ENDED, QueuedExamples, Run, RunStatus, Wish
from training.queries import may_steer
from training.run_requests import read_request


def queue_run(user: User, request: Mapping[str, Any], *, idempotency_key: str | None = None) -> Run:
    """Queue a run as asked; with a key that was used before, the run it made then.

    Args:
        request: name, model, classroom, device (all optional) and the system's own fields.

    Raises: SpecError naming every fault, SteeringRefusedError, NameTakenError,
        IdempotencyConflictError. Nothing is made then.
    """
    run, _ = queue_run_once(user, request, idempotency_key=idempotency_key)
    return run


def queue_run_once(
    user: User, request: Mapping[str, Any], *, idempotency_key: str | None = None
) -> tuple[Run, bool]:
    """As `queue_run`. Returns: (the run, whether this call made it)."""
    check_may_queue(user, idempotency_key)
    if earlier := find_by_key(user, idempotency_key, request):
        return earlier, False
    wanted = read_request(user, request)
    try:
        return create_run(user, wanted, request, idempotency_key), True
    except IntegrityError:
        # The same key arrived twice at once; the other request won.
        if earlier := find_by_key(user, idempotency_key, request):
            return earlier, False
        raise


def check_may_queue(user: User, key: str | None) -> None:
    """Raises: SteeringRefusedError; SpecError for a key that is none."""
    if not user.has_perm("training.add_run"):
        raise SteeringRefusedError("You may watch runs but not start them. Ask an instructor.")
    check_key(key)


def find_by_key(user: User, key: str | None, request: Mapping[str, Any]) -> Run | None:
    """Raises: IdempotencyConflictError if the key was used with another body."""
    if key is None:
        return None
    run = Run.objects.filter(owner=user, idempotency_key=key).first()
    if run is not None and run.request_hash != body_hash(request):
        raise IdempotencyConflictError(
            f"The key {key!r} was used before, with another body (run {run.pk}). "
            "Use a new key for a new run."
        )
    if run is None and QueuedExamples.objects.filter(owner=user, idempotency_key=key).exists():
        raise IdempotencyConflictError(
            f"The key {key!r} was used before, with examples that were queued. Use a new key."
        )
    return run


def pause_run(run: Run, user: User | None) -> Run:
    """Let the run rest at its next unit of work, with a checkpoint.

    Args:
        user: who asks; None for the operator at the command line.

    Raises: SteeringRefusedError, IllegalTransitionError, StatusConflictError.
    """
    check_may_steer(run, user)
    if run.status == RunStatus.RUNNING:
        lifecycle.wish(run.pk, Wish.PAUSE, actor=user)
    else:
        lifecycle.move(run.pk, run.status, RunStatus.PAUSED, actor=user)
    run.refresh_from_db()
    return run


def resume_run(run: Run, user: User | None) -> Run:
    """Let a paused run go on, a failed one try again, or take back a wish to pause.

    Raises: SteeringRefusedError, IllegalTransitionError, StatusConflictError.
    """
    check_may_steer(run, user)
    if run.status == RunStatus.RUNNING:
        if run.wish == Wish.RUN:
            raise IllegalTransitionError("a running run cannot become queued; it goes on already")
        lifecycle.wish(run.pk, Wish.RUN, actor=user)
    else:
        with transaction.atomic():
            changes = {"attempts": 0, "reason": ""}
            lifecycle.move(run.pk, run.status, RunStatus.QUEUED, actor=user, **changes)
            dispatch.send_when_committed(run)
    run.refresh_from_db()
    return run


def cancel_run(run: Run, user: User | None) -> Run:
    """End the run for good. A running one saves a last checkpoint first.

    Raises: SteeringRefusedError, IllegalTransitionError, StatusConflictError.
    """
    check_may_steer(run, user)
    if run.status == RunStatus.RUNNING:
        lifecycle.wish(run.pk, Wish.CANCEL, actor=user)
    else:
        lifecycle.move(run.pk, run.status, RunStatus.CANCELLED, actor=user)
    run.refresh_from_db()
    return run


@transaction.atomic
def discard_training_checkpoints(run: Run, user: User | None) -> list[Checkpoint]:
    """Remove everything that an ended run could go on from. A failed one could then be tried
    again from its beginning alone.

    Returns: what was removed. Raises: SteeringRefusedError; StatusConflictError if the run has
        not ended.
    """
    check_may_steer(run, user)
    run = Run.objects.select_for_update(no_key=True).get(pk=run.pk)
    if run.status not in ENDED:
        raise StatusConflictError(
            f"the run is {run.status} and goes on from its training checkpoints; cancel it first"
        )
    of_run = Checkpoint.objects.filter(run_id=run.pk, kind=Checkpoint.Kind.TRAINING)
    saved = list(of_run.select_related("artifact"))
    drop_checkpoints(saved)
    if saved:
        lifecycle.note(run.pk, "its training checkpoints were removed", actor=user)
    return saved


def check_may_steer(run: Run, user: User | None) -> None:
    if user is not None and not may_steer(user, run):
        raise SteeringRefusedError(
            f"You may watch {run.name} but not steer it. Its owner and the instructors of its "
            "class may."
        )
