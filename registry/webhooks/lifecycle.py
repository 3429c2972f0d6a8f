"""How far a message got. Only this file writes `status`, `attempts` and `next_attempt_at`.

waiting -> delivered    the far end answered 2xx
waiting -> failed       it refused, redirects, or all attempts are used up
waiting -> waiting      another attempt follows
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F

from registry.webhooks import limits
from registry.webhooks.models import DeliveryStatus, WebhookDelivery


def claim(delivery_id: UUID, now: datetime) -> WebhookDelivery | None:
    """Take a message for one attempt, unless somebody else has it or it is not due.

    A compare-and-swap: of two workers, one gets it. It is waiting all the same and due again when
    the lease is over, so a worker that dies loses nothing.
    """
    due = WebhookDelivery.objects.filter(
        pk=delivery_id, status=DeliveryStatus.WAITING, next_attempt_at__lte=now
    )
    if not due.update(attempts=F("attempts") + 1, next_attempt_at=now + limits.LEASE):
        return None
    return WebhookDelivery.objects.select_related("webhook").get(pk=delivery_id)


def deliver(delivery: WebhookDelivery, now: datetime, **found: object) -> bool:
    return _end(delivery, DeliveryStatus.DELIVERED, now, **found)


def fail(delivery: WebhookDelivery, now: datetime, **found: object) -> bool:
    return _end(delivery, DeliveryStatus.FAILED, now, **found)


def postpone(delivery: WebhookDelivery, now: datetime, wait_s: float, **found: object) -> bool:
    return bool(_held(delivery).update(next_attempt_at=now + timedelta(seconds=wait_s), **found))


def _end(delivery: WebhookDelivery, status: str, now: datetime, **found: object) -> bool:
    """Returns: false if the lease was over and somebody else has it now."""
    return bool(_held(delivery).update(status=status, ended_at=now, next_attempt_at=None, **found))


def _held(delivery: WebhookDelivery) -> object:
    return WebhookDelivery.objects.filter(
        pk=delivery.pk, status=DeliveryStatus.WAITING, attempts=delivery.attempts
    )
