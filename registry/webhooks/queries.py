"""Webhooks as far as the asker may see them, those that hear of an event, and what is waiting."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from registry.accounts.models import User
from registry.accounts.roles import is_admin, is_instructor, teaches
from registry.audit.models import AuditEntry
from registry.models import BrainSpec, RegisteredModel
from registry.webhooks.models import DeliveryStatus, Webhook, WebhookDelivery

WEBHOOK_ORDER = ("name", "id")
DELIVERY_ORDER = ("-created_at", "-id")
# A message whose task was lost is found this long after it was due.
OVERDUE_AFTER = timedelta(seconds=5)
MODEL_NAME = re.compile(r"[^/@]+")  # of `walker`, `walker/1.0.0` and `walker@best`
OF_A_MODEL = frozenset({"model", "version", "alias", "bundle"})


def visible_webhooks(user: User | AnonymousUser) -> QuerySet[Webhook]:
    """One's own; all of them for admins."""
    webhooks = Webhook.objects.select_related("owner", "classroom")
    if is_admin(user):
        return webhooks
    return webhooks.filter(owner=user) if is_instructor(user) else webhooks.none()


def visible_deliveries(user: User | AnonymousUser) -> QuerySet[WebhookDelivery]:
    deliveries = WebhookDelivery.objects.select_related("webhook")
    return deliveries.filter(webhook__in=visible_webhooks(user).values("pk"))


def listeners(entry: AuditEntry) -> list[Webhook]:
    """The webhooks that asked for this event and whose owner may know of it.

    Those of the class that the entry names, and those without a class whose owner owns the thing.
    """
    asked = Webhook.objects.filter(active=True, events__contains=[entry.action]).filter(
        Q(classroom=entry.classroom_number) | Q(classroom=None)
        if entry.classroom_number is not None
        else Q(classroom=None)
    )
    found = list(asked.select_related("owner").order_by("pk"))
    if not found:
        return []
    owner_number = owner_of_subject(entry)
    return [webhook for webhook in found if may_know(webhook, owner_number)]


def may_know(webhook: Webhook, owner_number: int | None) -> bool:
    """By the role and the classes that the webhook's owner has today."""
    if webhook.classroom_id is not None:
        return teaches(webhook.owner, webhook.classroom_id)
    return is_instructor(webhook.owner) and webhook.owner_id == owner_number


def owner_of_subject(entry: AuditEntry) -> int | None:
    """Whose thing an entry tells of; where that is gone or unknown, who did it."""
    name = MODEL_NAME.match(entry.subject)
    table = {"brain": BrainSpec}.get(entry.kind, RegisteredModel)
    if name and (entry.kind in OF_A_MODEL or table is BrainSpec):
        owners = table.objects.filter(name=name.group()).values_list("owner_id", flat=True)
        if found := list(owners):
            return found[0]
    return entry.actor_number


def overdue_deliveries(now: datetime) -> QuerySet[WebhookDelivery]:
    """Waiting messages that nobody has sent though they were due, the oldest first."""
    return WebhookDelivery.objects.filter(
        status=DeliveryStatus.WAITING, next_attempt_at__lt=now - OVERDUE_AFTER
    ).order_by("next_attempt_at")
