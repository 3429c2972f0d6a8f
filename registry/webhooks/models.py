"""Addresses that are told what happens to models, and what was told them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from registry.accounts.models import Classroom


class Webhook(models.Model):
    """An address that gets a signed message for each event it asked for.

    Two secrets sign at once while one takes the other's place.
    """

    name = models.CharField(max_length=100)
    url = models.URLField(max_length=500)
    events = ArrayField(models.CharField(max_length=60))
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks", editable=False
    )
    classroom = models.ForeignKey(
        Classroom, null=True, blank=True, on_delete=models.CASCADE
    )  # events of its models; without one, those of the owner's own models
    secret = models.CharField(max_length=100, editable=False)
    old_secret = models.CharField(max_length=100, blank=True, editable=False)
    old_secret_until = models.DateTimeField(null=True, editable=False)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        app_label = "registry"
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class DeliveryStatus(models.TextChoices):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookDelivery(models.Model):
    """One message to one address, and how far it got."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField(editable=False)  # the same for a message that is sent again
    event = models.CharField(max_length=60, editable=False)
    body = models.TextField(editable=False)
    status = models.CharField(
        max_length=10,
        choices=DeliveryStatus.choices,
        default=DeliveryStatus.WAITING,
        editable=False,
    )
    attempts = models.PositiveIntegerField(default=0, editable=False)
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now, editable=False)
    answer_status = models.PositiveSmallIntegerField(null=True, editable=False)
    answer_excerpt = models.CharField(max_length=500, blank=True, editable=False)
    problem = models.CharField(max_length=500, blank=True, editable=False)
    took_ms = models.FloatField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        app_label = "registry"
        ordering = ["-created_at", "-id"]
        verbose_name = "delivery"
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["webhook", "-created_at", "-id"], name="deliveries_of_a_webhook"),
            models.Index(
                fields=["next_attempt_at"],
                name="deliveries_waiting",
                condition=Q(status="waiting"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}: {self.status}"
