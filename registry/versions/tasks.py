"""Celery: unpack an id, call execution, nothing else."""

from __future__ import annotations

import contextlib

from celery import shared_task
from kombu.exceptions import OperationalError

QUEUE = "inference"


@shared_task(name="registry.versions.tasks.check_version")
def check_version(check_id: int) -> None:
    from registry.versions import execution  # brings torch

    execution.run_check(check_id)


@shared_task(name="registry.versions.tasks.start_forgotten_checks")
def start_forgotten_checks() -> None:
    from registry.versions.queries import forgotten_checks

    for check in forgotten_checks():
        start_check(check.pk)


def start_check(check_id: int) -> None:
    """Queue a check. Where the broker is away, the sweep does it later."""
    with contextlib.suppress(OperationalError):
        check_version.apply_async([check_id], queue=QUEUE, retry=False)
