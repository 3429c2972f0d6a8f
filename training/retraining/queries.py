"""Nights of a model: which are due, what became of them, how many games are new."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db.models import Max, QuerySet
from django.urls import reverse

from registry.models import RegisteredModel
from training.games.models import Game
from training.games.queries import usable_games
from training.incremental.models import LearningOn
from training.models import Run
from training.queries import stamp
from training.retraining.models import Night, NightOutcome
from training.retraining.nights import beginning_of, next_beginning

LEARNED = (NightOutcome.TRAINING, NightOutcome.PROPOSED)
SHOWN = 14
NEWEST_FIRST = ("-night", "-id")


def due_models(night: date) -> list[RegisteredModel]:
    """Models that learn at night, and of which nobody has decided yet what becomes of this one."""
    on = LearningOn.objects.filter(nightly=True, nightly_since__lte=beginning_of(night))
    on = on.exclude(model__in=Night.objects.filter(night=night).values("model"))
    rows = on.select_related("model__owner", "model__classroom").order_by("model")
    return [row.model for row in rows]


def games_of(model: RegisteredModel) -> QuerySet[Game]:
    """Finished games that a model may learn from at night.

    Of a model of a class those of the class, with the consent of the people who played; of a
    private one those that its owner may learn from. What a training plays against itself is none
    of them: a night would make the games of the next one. Nor are mirror images.
    """
    if model.classroom_id is not None:
        games = Game.objects.filter(classroom=model.classroom_id).exclude(consent=False)
    elif model.owner is not None:
        games = usable_games(model.owner)
    else:
        games = Game.objects.none()
    return games.filter(system=model.system, run=None, mirror_of="")


def new_games(model: RegisteredModel) -> QuerySet[Game]:
    """Those that were recorded since the last night from which the model learned."""
    return games_of(model).filter(pk__gt=newest_learned(model))


def newest_learned(model: RegisteredModel) -> int:
    nights = Night.objects.filter(model=model, outcome__in=LEARNED)
    return nights.aggregate(newest=Max("newest_game"))["newest"] or 0


def unfinished_run(model: RegisteredModel) -> Run | None:
    """The run of an earlier night that goes on still."""
    return Run.objects.filter(night__model=model, ended_at=None).first()


def unsettled() -> QuerySet[Night]:
    """Nights whose run may still change what became of them."""
    return Night.objects.filter(settled_at=None).select_related("model", "run__version__card")


def last_nights(model: RegisteredModel, most: int = SHOWN) -> list[Night]:
    found = Night.objects.filter(model=model).select_related("run", "version__model", "asked_by")
    return list(found.order_by(*NEWEST_FIRST)[:most])


def night_data(night: Night) -> dict[str, Any]:
    """A night as plain data."""
    return {
        "night": night.night.isoformat(),
        "outcome": night.outcome,
        "reason": night.reason,
        "games": night.games_count,
        "run_id": str(night.run_id) if night.run_id else None,
        "run_url": reverse("api-run", args=[night.run_id]) if night.run_id else None,
        "version": night.version.number if night.version else None,
        "asked_by": night.asked_by.username if night.asked_by else None,
        "decided_at": stamp(night.decided_at),
    }


def schedule_data(row: LearningOn, moment: datetime) -> dict[str, Any]:
    """When the model learns at night. Args: moment: now."""
    return {
        "on": row.nightly,
        "since": stamp(row.nightly_since),
        "at": f"{settings.RETRAIN_AT:%H:%M} {settings.RETRAIN_ZONE.key}",
        "next_at": stamp(next_beginning(moment)) if row.nightly else None,
        "games_needed": settings.RETRAIN_GAMES,
    }
