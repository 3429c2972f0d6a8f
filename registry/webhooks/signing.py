"""Signatures by which a receiver knows that a message is ours, whole and fresh.

`X-Hamlet-Signature: v1,<base64 of HMAC-SHA256 over id.timestamp.body>`; while a secret takes the
place of another, two of them with a blank between. The key is the secret as it was shown.
Source of HMAC: https://www.rfc-editor.org/rfc/rfc2104.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime

from registry.webhooks.models import Webhook, WebhookDelivery

SECRET_PREFIX = "whsec_"  # noqa: S105 - the visible beginning of every secret


def new_secret() -> str:
    return SECRET_PREFIX + secrets.token_urlsafe(32)


def sign(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{event_id}.{timestamp}.".encode() + body
    digest = hmac.digest(secret.encode(), signed, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def valid_secrets(webhook: Webhook, now: datetime) -> list[str]:
    """The newest first."""
    until = webhook.old_secret_until
    old = [webhook.old_secret] if webhook.old_secret and until and now < until else []
    return [webhook.secret, *old]


def headers(delivery: WebhookDelivery, now: datetime) -> dict[str, str]:
    """Of one attempt; the timestamp is that of the attempt, the id that of the event."""
    event_id, timestamp = str(delivery.event_id), int(now.timestamp())
    body = delivery.body.encode()
    signatures = [
        sign(secret, event_id, timestamp, body) for secret in valid_secrets(delivery.webhook, now)
    ]
    return {
        "Content-Type": "application/json",
        "X-Hamlet-Event": delivery.event,
        "X-Hamlet-Delivery": event_id,
        "X-Hamlet-Timestamp": str(timestamp),
        "X-Hamlet-Signature": " ".join(signatures),
    }
