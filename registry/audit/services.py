"""Write down what was done, and tell whoever asked to be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AnonymousUser

from registry.accounts.models import User
from registry.audit import chain
from registry.audit.models import AuditEntry
from registry.webhooks.services import announce


def record(
    action: str,
    *,
    actor: User | AnonymousUser | None,
    kind: str,
    subject: str,
    classroom_id: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """`chain.append`, and a message to each webhook that asked for such actions.

    Inside the transaction that does it, and last in it: the chain stays locked until its end.
    Rows that others lock before they write here are locked before: of all that belongs to a
    model, the model's own row comes first (`registry.aliases.services.lock`), so that two who
    change one model never wait for each other.
    """
    entry = chain.append(
        action,
        actor=actor,
        kind=kind,
        subject=subject,
        classroom_id=classroom_id,
        details=details,
    )
    announce(entry)
    return entry
