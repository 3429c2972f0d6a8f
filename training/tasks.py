"""Celery: unpack an id, call execution, nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_init

from registry import shutdown  # noqa: F401 - makes its flag before the fork
from training import collecting, sweeping
from training.dispatch import QUEUES


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
