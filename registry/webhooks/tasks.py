"""Celery: unpack an id, call execution, nothing else. On the default queue."""

from __future__ import annotations

import contextlib
from uuid import UUID

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from registry.webhooks import queries

MOST_AT_ONCE = 200


@shared_task(name="registry.webhooks.tasks.send_delivery")
def send_delivery(delivery_id: str) -> None:
    from registry.webhooks import execution  # brings urllib3, which most processes never need

    wait_s = execution.send(UUID(delivery_id))
    if wait_s is not None:
        start(delivery_id, wait_s)


@shared_task(name="registry.webhooks.tasks.send_overdue")
def send_overdue() -> None:
    """Sends what was left lying: by a broker that was away, or a worker that died."""
    for pk in queries.overdue_deliveries(timezone.now()).values_list("pk", flat=True)[
        :MOST_AT_ONCE
    ]:
        start(str(pk))


def start(delivery_id: str, wait_s: float = 0) -> None:
    """Queue an attempt. Where the broker is away, the sweep does it later."""
    with contextlib.suppress(OperationalError):
        send_delivery.apply_async([delivery_id], countdown=wait_s or None, retry=False)
