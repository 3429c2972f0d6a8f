"""What a worker does with a message: one attempt, and what follows from it."""

from __future__ import annotations

import logging
import time
from uuid import UUID

from django.utils import timezone

from registry.webhooks import lifecycle, limits, sending, signing
from registry.webhooks.errors import AddressRefusedError, NotDeliveredError
from registry.webhooks.models import WebhookDelivery

logger = logging.getLogger(__name__)
TOO_MANY_REQUESTS = 429


def send(delivery_id: UUID) -> float | None:
    """Make one attempt. No transaction is open while the far end is waited for.

    Returns: seconds until the next attempt; None if there is none to come.
    """
    now = timezone.now()
    delivery = lifecycle.claim(delivery_id, now)
    if delivery is None:
        return None
    if not delivery.webhook.active:
        lifecycle.fail(delivery, now, problem="the webhook is switched off")
        return None
    if delivery.attempts > limits.MOST_ATTEMPTS:  # its last worker died with it
        lifecycle.fail(delivery, now, problem=f"given up after {limits.MOST_ATTEMPTS} attempts")
        return None
    began = time.monotonic()
    answer, problem, final = attempt(delivery)
    found = {
        "answer_status": answer.status if answer else None,
        "answer_excerpt": answer.excerpt if answer else "",
        "problem": problem[:500],
        "took_ms": round((time.monotonic() - began) * 1000, 1),
    }
    now = timezone.now()
    if not problem:
        lifecycle.deliver(delivery, now, **found)
        return None
    if final or delivery.attempts >= limits.MOST_ATTEMPTS:
        lifecycle.fail(delivery, now, **found)
        logger.warning("%s: %s", delivery, problem)
        return None
    wait_s = limits.pause_s(delivery.attempts)
    return wait_s if lifecycle.postpone(delivery, now, wait_s, **found) else None


def attempt(delivery: WebhookDelivery) -> tuple[sending.Answer | None, str, bool]:
    """Returns: (the answer if one came, what is wrong, whether trying again is of no use)."""
    headers = signing.headers(delivery, timezone.now())
    try:
        answer = sending.post(delivery.webhook.url, delivery.body.encode(), headers)
    except AddressRefusedError as error:
        return None, str(error), True
    except NotDeliveredError as error:
        return None, str(error), False
    if 200 <= answer.status < 300:
        return answer, "", True
    if 300 <= answer.status < 400:
        where = f" to {sending.as_text(answer.location.encode())}" if answer.location else ""
        problem = f"it redirects{where}; redirects are not followed. Enter the final address."
        return answer, problem, True
    may_pass = answer.status == TOO_MANY_REQUESTS or answer.status >= 500
    return answer, f"it answered {answer.status}", not may_pass
