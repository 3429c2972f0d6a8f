"""What a person asks for: queue examples, throw them away, say how a model learns on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from hamlet.schema import Flag, Integer, Section, validate
from registry.aliases.services import lock
from registry.audit import actions
from registry.errors import NotChangeableError
from registry.models import RegisteredModel, User
from registry.queries import may_change_model
from registry.services import note
from training.creating import body_hash
from training.errors import IdempotencyConflictError
from training.games.models import CONNECT_FOUR
from training.incremental import reading, starting
from training.incremental.errors import CannotLearnOnError, QueueFullError
from training.incremental.models import LearningOn, QueuedExamples
from training.incremental.queries import count_waiting, settings_of, waiting
from training.models import Run
from training.services import check_may_queue

CHANGE = Section(
    {
        "nightly": Flag(default=None, optional=True),
        "enough_examples": Integer(1, 10**9, default=None, optional=True),
    }
)


def queue_examples(
    user: User, request: Mapping[str, Any], *, idempotency_key: str | None = None
) -> tuple[QueuedExamples, bool]:
    """Let examples wait for a run, and start it if there are enough now.

    Args:
        request: `incremental`, `examples`, and `model` or `base_version`.
    Returns: (the examples that were sent, with their run if it took them; whether this call kept
        them). A key that was used before gives those it kept then.
    Raises: SpecError naming every fault, an example's by its index; SteeringRefusedError,
        NotChangeableError, CannotLearnOnError, QueueFullError, IdempotencyConflictError. Nothing
        is kept then.
    """
    check_may_queue(user, idempotency_key)
    if earlier := find_by_key(user, idempotency_key, request):
        return earlier, False
    asked = reading.read(user, request)
    try:
        batch = keep(user, asked, request, idempotency_key)
    except IntegrityError:
        # The same key arrived twice at once; the other request won.
        if earlier := find_by_key(user, idempotency_key, request):
            return earlier, False
        raise
    starting.start_if_enough(asked.model, asked.base)
    return with_run(QueuedExamples.objects.filter(pk=batch.pk)), True


@transaction.atomic
def keep(
    user: User, asked: reading.Asked, request: Mapping[str, Any], key: str | None
) -> QueuedExamples:
    """Raises: QueueFullError."""
    lock(asked.model)  # so that two at once do not fill it beyond its bound
    found = count_waiting(waiting(asked.model))
    if found + asked.count > settings.QUEUED_EXAMPLES:
        raise QueueFullError(
            f"{found} examples wait for a run of {asked.model.name}, and {asked.count} more would "
            f"be above {settings.QUEUED_EXAMPLES}. {why_they_wait(asked.model)} Or throw them away "
            f"(DELETE /api/v1/models/{asked.model.name}/learning/examples), or build a dataset."
        )
    return QueuedExamples.objects.create(
        model=asked.model,
        base=asked.base,
        examples=asked.examples,
        count=asked.count,
        owner=user,
        idempotency_key=key,
        request_hash=body_hash(request),
        queued_at=Now(),
    )


def why_they_wait(model: RegisteredModel) -> str:
    problem = settings_of(model).problem
    return f"No run could take them: {problem}" if problem else "Send them in smaller parts."


def find_by_key(user: User, key: str | None, request: Mapping[str, Any]) -> QueuedExamples | None:
    """Raises: IdempotencyConflictError if the key was used for something else."""
    if key is None:
        return None
    found = with_run(QueuedExamples.objects.filter(owner=user, idempotency_key=key))
    another = found is not None and found.request_hash != body_hash(request)
    if another or Run.objects.filter(owner=user, idempotency_key=key).exists():
        raise IdempotencyConflictError(
            f"The key {key!r} was used before, with another body. Use a new key for other examples."
        )
    return found


def with_run(batches: Any) -> QueuedExamples | None:
    return batches.select_related("model", "run").first()


def discard_examples(model: RegisteredModel, user: User | None) -> int:
    """Throw away what waits. Returns: how many examples. Raises: NotChangeableError."""
    check_may_change(model, user)
    with transaction.atomic():
        # Locked, so that none is counted that a run takes in this moment.
        batches = list(waiting(model).select_for_update().defer("examples"))
        QueuedExamples.objects.filter(pk__in=[batch.pk for batch in batches]).delete()
        count = sum(batch.count for batch in batches)
        if count:
            note(actions.MODEL_CHANGED, model, user, {"queued_examples_discarded": count})
    return count


def change_learning(model: RegisteredModel, user: User | None, change: Any) -> LearningOn:
    """Say how a model learns on, and start a run if what waits is enough now.

    Args: change: `nightly`, `enough_examples` (null: the platform's number); what is left out
        stays. user: None for the operator at the command line.
    Raises: SpecError naming every fault, NotChangeableError, CannotLearnOnError.
    """
    check_may_change(model, user)
    if model.system != CONNECT_FOUR:
        raise CannotLearnOnError(
            f"{model.name} is a model of {model.system}, which learns from no examples or games."
        )
    asked = validate(CHANGE, change)
    wanted = {name: asked[name] for name in asked if name in change}
    if wanted.get("nightly", True) is None:
        del wanted["nightly"]
    with transaction.atomic():
        lock(model)
        row, _ = LearningOn.objects.get_or_create(model=model)
        changed = {name: value for name, value in wanted.items() if getattr(row, name) != value}
        if changed:
            since = {"nightly_since": Now()} if changed.get("nightly") else {}
            LearningOn.objects.filter(model=model).update(
                **changed, **since, changed_by=user, changed_at=Now()
            )
            note(actions.MODEL_CHANGED, model, user, {"learning": changed})
    if "enough_examples" in changed:
        for base in set(waiting(model).order_by().values_list("base", flat=True)):
            starting.start_if_enough(model, base)
    row.refresh_from_db()
    return row


def check_may_change(model: RegisteredModel, user: User | None) -> None:
    """Raises: NotChangeableError."""
    if user is not None and not may_change_model(user, model):
        raise NotChangeableError(
            f"You may look at {model.name} but not say how it learns on. Its owner and the "
            "instructors of its class may."
        )
