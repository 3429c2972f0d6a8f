"""Celery: unpack an id, call execution, nothing else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Task, shared_task
from celery.signals import worker_init

from registry import shutdown  # noqa: F401 - makes its flag before the fork
from registry.jobs import sweeping
from registry.jobs.dispatch import DEVICE_OF


@worker_init.connect
def load_early(sender: Any, **_: object) -> None:
    """Load torch once, in the parent of the pool: a process that takes over starts at once.

    Loading is all: an operation of torch before the fork would deadlock the children, and one of
    CUDA would keep them from using it.
    """
    if not set(DEVICE_OF).isdisjoint(sender.app.amqp.queues.consume_from):
        from registry.jobs import execution  # noqa: F401


@shared_task(name="registry.jobs.tasks.execute_job", bind=True)
def execute_job(self: Task, job_id: str) -> None:
    from registry.jobs import execution  # brings torch

    execution.execute(UUID(job_id), self.request.hostname)


@shared_task(name="registry.jobs.tasks.sweep_jobs")
def sweep_jobs() -> None:
    sweeping.sweep()
