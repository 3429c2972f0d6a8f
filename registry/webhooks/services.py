"""Telling webhooks what happened: one row for each message, sent when the transaction is done.

The row stands in the transaction of the action itself, so a message is never lost and never tells
of what was rolled back. What people do with webhooks is in keeping.py.
"""

from __future__ import annotations

import json
import uuid
from functools import partial
from typing import Any

from django.db import transaction

from registry.audit.models import AuditEntry
from registry.webhooks import queries, tasks
from registry.webhooks.models import Webhook, WebhookDelivery


def announce(entry: AuditEntry) -> list[WebhookDelivery]:
    """Make the messages of an audit entry, in its transaction. One query if nobody listens."""
    webhooks = queries.listeners(entry)
    if not webhooks:
        return []
    event_id = uuid.uuid4()
    body = message(
        event_id,
        entry.action,
        happened_at=entry.happened_at.isoformat(),
        subject=entry.subject,
        kind=entry.kind,
        actor=entry.actor,
        details=entry.details,
    )
    return [enqueue(webhook, event_id, entry.action, body) for webhook in webhooks]


def enqueue(webhook: Webhook, event_id: uuid.UUID, event: str, body: str) -> WebhookDelivery:
    """Keep a message and have it sent once the transaction has ended well."""
    delivery = WebhookDelivery.objects.create(
        webhook=webhook, event_id=event_id, event=event, body=body
    )
    transaction.on_commit(partial(tasks.start, str(delivery.pk)), robust=True)
    return delivery


def message(event_id: uuid.UUID, event: str, **said: Any) -> str:
    """The body: JSON without line ends, the same for every attempt."""
    data = {"id": str(event_id), "event": event, **said}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
