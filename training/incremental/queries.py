"""Which examples wait for a run, and how many more it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Min, QuerySet, Sum
from django.urls import reverse

from registry.accounts.models import User
from registry.models import RegisteredModel
from registry.queries import visible_models
from training.incremental.models import LearningOn, QueuedExamples
from training.queries import stamp


@dataclass(frozen=True)
class Queue:
    """Attributes: base: number of the version to go on from; empty: the one in service."""

    base: str
    queued: int
    needed: int
    since: str | None


def waiting(model: RegisteredModel | None = None) -> QuerySet[QueuedExamples]:
    """Examples that no run has taken, of all models or of one."""
    found = QueuedExamples.objects.filter(taken_at=None)
    return found if model is None else found.filter(model=model)


def count_waiting(batches: QuerySet[QueuedExamples]) -> int:
    return batches.order_by().aggregate(total=Sum("count"))["total"] or 0


def queued_total(user: User | AnonymousUser) -> int:
    """Examples that wait for runs of models that the user may see."""
    return count_waiting(waiting().filter(model__in=visible_models(user)))


def settings_of(model: RegisteredModel) -> LearningOn:
    """Its row, or an unsaved one with the platform's settings."""
    return LearningOn.objects.filter(model=model).first() or LearningOn(model=model)


def enough_for(model: RegisteredModel) -> int:
    """How many examples it takes until a run starts."""
    return settings_of(model).enough_examples or settings.INCREMENTAL_EXAMPLES


def queues_of(model: RegisteredModel) -> list[Queue]:
    """What waits, by the version to go on from; that of the version in service is always there."""
    enough = enough_for(model)
    rows = waiting(model).order_by("base").values("base").annotate(Sum("count"), Min("queued_at"))
    found = {row["base"]: row for row in rows}
    return [
        Queue(
            base,
            queued := found[base]["count__sum"] if base in found else 0,
            max(0, enough - queued),
            stamp(found[base]["queued_at__min"]) if base in found else None,
        )
        for base in sorted({"", *found})
    ]


def due_queues() -> list[tuple[RegisteredModel, str]]:
    """Models and bases with enough examples for a run; the one that waits longest first."""
    rows = (
        waiting()
        .order_by()
        .values("model", "base")
        .annotate(total=Sum("count"), first=Min("pk"))
        .order_by("first")
    )
    counted = [(row["model"], row["base"], row["total"]) for row in rows]
    ids = {model for model, _, _ in counted}
    models = RegisteredModel.objects.select_related("owner", "classroom").in_bulk(ids)
    enough = dict(
        LearningOn.objects.filter(model__in=ids, enough_examples__isnull=False).values_list(
            "model", "enough_examples"
        )
    )
    return [
        (models[model], base)
        for model, base, total in counted
        if model in models and total >= enough.get(model, settings.INCREMENTAL_EXAMPLES)
    ]


def batch_data(batch: QueuedExamples) -> dict[str, Any]:
    """What whoever sent examples is told of them and of their queue."""
    count = count_waiting(waiting(batch.model).filter(base=batch.base))
    return {
        "model": batch.model.name,
        "base_version": batch.base or None,
        "accepted": batch.count,
        "queued": count,
        "needed": max(0, enough_for(batch.model) - count),
        "learning_url": reverse("api-learning", args=[batch.model.name]),
    }
