"""Celery: unpack an id, call execution, nothing else."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

# Imported for its effect: it makes the shared flag before the pool forks.
from training import shutdown, sweeping  # noqa: F401


@shared_task(name="training.tasks.execute_run")
def execute_run(run_id: str) -> None:
    from training import execution  # brings torch, which a web process that queues need not load

    execution.execute(UUID(run_id))


@shared_task(name="training.tasks.requeue_abandoned_runs")
def requeue_abandoned_runs() -> None:
    sweeping.sweep()
