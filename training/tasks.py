"""Celery: unpack an id, call execution, nothing else."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_init
from django.utils import timezone

from registry import shutdown  # noqa: F401 - makes its flag before the fork
from training import collecting, sweeping
from training.dispatch import QUEUES

# Building a dataset takes torch and seconds, which the sweeps of the housekeeping worker have not.
WORK = "work"
EXPIRES_S = 600  # the next round sends it again


@worker_init.connect
def load_early(sender: Any, **_: object) -> None:
    """Load torch once, in the parent of the pool: a process that takes over starts at once.

    Loading is all: an operation of torch before the fork would deadlock the children.
    """
    if not set(QUEUES.values()).isdisjoint(sender.app.amqp.queues.consume_from):
        from training import execution  # noqa: F401


@shared_task(name="training.tasks.execute_run")
def execute_run(run_id: str) -> None:
    from training import execution  # brings torch, which a web process that queues need not load

    execution.execute(UUID(run_id))


@shared_task(name="training.tasks.requeue_abandoned_runs")
def requeue_abandoned_runs() -> None:
    sweeping.sweep()


@shared_task(name="training.tasks.collect_garbage")
def collect_garbage() -> None:
    collecting.collect_garbage()


@shared_task(name="training.tasks.look_after_examples")
def look_after_examples() -> None:
    from training.incremental import queries, starting

    starting.forget_taken()
    for model, base in queries.due_queues():
        start_from_examples.apply_async([model.pk, base], queue=WORK, expires=EXPIRES_S)


@shared_task(name="training.tasks.start_from_examples")
def start_from_examples(model_id: int, base: str) -> None:
    from training.incremental import starting

    starting.start_for(model_id, base)


@shared_task(name="training.tasks.look_after_nights")
def look_after_nights() -> None:
    from training.retraining import deciding, proposing

    proposing.settle_all()
    now = timezone.now()
    for model in deciding.decide_due(now):
        night = deciding.night_of(now).isoformat()
        decide_night.apply_async([model.pk, night], queue=WORK, expires=EXPIRES_S)


@shared_task(name="training.tasks.decide_night")
def decide_night(model_id: int, night: str) -> None:
    from training.retraining import deciding

    deciding.decide_for(model_id, date.fromisoformat(night))
