"""A run for the examples that wait, once there are enough of them.

Claim and start are one transaction: whoever is killed before its end has taken nothing, and
whoever is killed after it leaves a run that waits, which the sweep of runs wakes a worker for. The
rows of the examples are locked in it, so of two processes that start at once one gets them all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson
from django.db import transaction
from django.db.models.functions import Now

from hamlet.errors import HamletError
from registry.errors import RegistryError
from registry.models import ModelVersion, RegisteredModel
from training import finetuning
from training.creating import create_run
from training.errors import TrainingError
from training.incremental.models import LearningOn, QueuedExamples
from training.incremental.queries import count_waiting, enough_for, waiting
from training.models import Run
from training.run_requests import RunRequest

if TYPE_CHECKING:
    import numpy as np

logger = logging.getLogger(__name__)

EPOCHS = 20
KEPT = timedelta(days=30)  # of examples that a run took: who sent them, and the key
REFUSALS = (HamletError, RegistryError, TrainingError, OSError)


def start_for(model_id: int, base: str) -> Run | None:
    """Start what was not started when its examples came: the process was killed, or there was no
    version to go on from."""
    models = RegisteredModel.objects.select_related("owner", "classroom")
    model = models.filter(pk=model_id).first()
    return start_if_enough(model, base) if model is not None else None


def start_if_enough(model: RegisteredModel, base: str = "") -> Run | None:
    """Start a run with all examples that wait, if there are enough.

    Returns: the run that this call made. What stands in its way is noted, and they wait on.
    """
    try:
        run = _start(model, base)
    except REFUSALS as error:
        logger.warning("%s: the examples that wait start no run: %s", model.name, error)
        note_problem(model, str(error))
        return None
    if run is not None:
        LearningOn.objects.filter(model=model).exclude(problem="").update(problem="")
    return run


def _start(model: RegisteredModel, base: str) -> Run | None:
    """Raises: REFUSALS."""
    queue = waiting(model).filter(base=base).order_by("pk")
    while count_waiting(queue) >= enough_for(model):
        version = finetuning.base_of(model, base)
        batches = list(queue)
        dataset = finetuning.store_dataset(version, examples=rows_of(batches, version))
        name = f"{model.name}: {sum(batch.count for batch in batches)} new examples"
        wanted = finetuning.wanted_run(model, version, dataset, EPOCHS, name)
        if run := take(model, batches, wanted):
            return run
    return None


def rows_of(
    batches: Sequence[QueuedExamples], base: ModelVersion
) -> Iterator[tuple[np.ndarray, list[str]]]:
    """What was sent, as rows of `hamlet.datasets.rows` with the ids of their games.

    Raises: InputError naming the example.
    """
    from hamlet.datasets.given_examples import read_examples  # brings torch

    apart = finetuning.needs_whole_games(base)
    for batch in batches:
        rows, ids = read_examples(orjson.loads(bytes(batch.examples)))
        # Whole games were sent in one piece, and two senders may have given one name to two.
        yield rows, [f"{name}:{batch.pk}" for name in ids] if apart else ids


@transaction.atomic
def take(
    model: RegisteredModel, batches: Sequence[QueuedExamples], wanted: RunRequest
) -> Run | None:
    """Make the run and give it the examples. None, and nothing is done, if another has some."""
    ids = [batch.pk for batch in batches]
    # Whoever comes second waits here, and finds them taken.
    free = waiting().select_for_update().filter(pk__in=ids).order_by("pk")
    if len(free.values_list("pk", flat=True)) != len(ids):
        return None
    asked = {"incremental": True, "model": model.name, "queued_examples": ids}
    run = create_run(finetuning.owner_of(model), wanted, asked)
    QueuedExamples.objects.filter(pk__in=ids).update(taken_at=Now(), run=run, examples=b"")
    return run


def note_problem(model: RegisteredModel, problem: str) -> None:
    LearningOn.objects.update_or_create(model=model, defaults={"problem": problem[:2000]})


def forget_taken() -> int:
    """Returns: how many rows of examples were forgotten whose run took them long ago."""
    old = QueuedExamples.objects.filter(taken_at__lt=Now() - KEPT)
    return old.delete()[0]
