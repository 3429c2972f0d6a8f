"""What becomes of a night of a model: a run from the games since the last one, or a reason.

The row of the night and its run are made in one transaction, and a night has one row: however many
beats there are, and whoever is killed, there is one run or none.
"""

from __future__ import annotations

import logging
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Now

from hamlet.errors import HamletError
from registry.errors import RegistryError
from registry.models import ModelVersion, RegisteredModel, User
from training import finetuning
from training.creating import create_run
from training.errors import TrainingError
from training.games.models import Game
from training.games.queries import stream_games
from training.incremental.models import LearningOn
from training.retraining.models import Night, NightOutcome
from training.retraining.nights import night_of
from training.retraining.queries import due_models, new_games, unfinished_run
from training.run_requests import RunRequest

logger = logging.getLogger(__name__)

EPOCHS = 50
MOST_GAMES = 20_000  # the newest of them; more would keep a worker for minutes
# What stands in the way of a night and will not go away by itself.
REFUSALS = (HamletError, RegistryError, TrainingError)


def decide_due(now: datetime) -> list[RegisteredModel]:
    """Note nights that are skipped.

    Returns: the models that are to learn tonight; `decide` takes its time for each.
    """
    night = night_of(now)
    return [model for model in due_models(night) if skipped(model, night) is None]


def decide_for(model_id: int, night: date) -> Night | None:
    """As `decide`; None if the model is gone, or learns at night no more."""
    row = LearningOn.objects.filter(model=model_id, nightly=True)
    found = row.select_related("model__owner", "model__classroom").first()
    return decide(found.model, night) if found is not None else None


def decide(
    model: RegisteredModel, night: date, *, user: User | None = None, again: bool = False
) -> Night:
    """Start the run of a night, or note why there is none. What was decided stays.

    Args: user: who asks for it by hand. again: a night that was skipped is decided anew.
    """
    found = Night.objects.filter(model=model, night=night).first()
    if found is not None and not (again and found.outcome == NightOutcome.SKIPPED):
        return found
    if again:
        Night.objects.filter(model=model, night=night, outcome=NightOutcome.SKIPPED).delete()
    if (why_not := skipped(model, night, user)) is not None:
        return why_not
    games = newest_of(new_games(model))
    try:
        base = finetuning.base_of(model)
        wanted = wanted_run(model, base, games, night)
        return begin(model, night, games, wanted, user)
    except REFUSALS as error:
        return skip(model, night, games.count(), str(error), user)


def skipped(model: RegisteredModel, night: date, user: User | None = None) -> Night | None:
    """The row of a night on which the model does not learn; None if it is to learn."""
    count = new_games(model).count()
    if count < settings.RETRAIN_GAMES:
        reason = (
            f"found {count} finished games since the last training; "
            f"{settings.RETRAIN_GAMES} are needed"
        )
    elif run := unfinished_run(model):
        reason = f"the run of an earlier night goes on still: {run.name} is {run.status}"
    else:
        try:
            finetuning.base_of(model)
            return None
        except RegistryError as error:
            reason = str(error)
    return skip(model, night, count, reason, user)


def skip(
    model: RegisteredModel, night: date, count: int, reason: str, user: User | None = None
) -> Night:
    logger.info("%s, night of %s: %s", model.name, night, reason)
    decided = {"outcome": NightOutcome.SKIPPED, "reason": reason[:2000], "settled_at": Now()}
    return note(model, night, {**decided, "games_count": count, "asked_by": user})[0]


def newest_of(games: QuerySet[Game]) -> QuerySet[Game]:
    """The newest MOST_GAMES, and none that is recorded from now on."""
    beyond = games.order_by("-pk").values_list("pk", flat=True)[MOST_GAMES : MOST_GAMES + 1]
    newest = games.aggregate(newest=Max("pk"))["newest"] or 0
    return games.filter(pk__gt=next(iter(beyond), 0), pk__lte=newest)


def wanted_run(
    model: RegisteredModel, base: ModelVersion, games: QuerySet[Game], night: date
) -> RunRequest:
    """Raises: REFUSALS."""
    # By our own ids but for the owner's games: those of two senders may be called the same.
    streamed = stream_games(games, reader=model.owner_id or 0)
    dataset = finetuning.store_dataset(base, streamed, options={"include_policy": True})
    name = f"{model.name}: night of {night}"
    return finetuning.wanted_run(model, base, dataset, EPOCHS, name)


@transaction.atomic
def begin(
    model: RegisteredModel,
    night: date,
    games: QuerySet[Game],
    wanted: RunRequest,
    user: User | None,
) -> Night:
    """Raises: REFUSALS; nothing is done then."""
    decided = {
        "outcome": NightOutcome.TRAINING,
        "games_count": games.count(),
        "newest_game": games.aggregate(newest=Max("pk"))["newest"],
        "asked_by": user,
    }
    row, made = note(model, night, decided)
    if made:
        asked = {"nightly": True, "model": model.name, "night": night.isoformat()}
        row.run = create_run(finetuning.owner_of(model), wanted, asked)
        row.save(update_fields=["run"])
    return row


def note(model: RegisteredModel, night: date, decided: dict[str, Any]) -> tuple[Night, bool]:
    """The night's row; of two that decide at once the second gets what the first decided."""
    row, made = Night.objects.get_or_create(
        model=model, night=night, defaults={**decided, "decided_at": Now()}
    )
    row.refresh_from_db()
    return row, made
