"""Reports of how a model does, by the people who ask it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class PerformanceReport(models.Model):
    """Numbers that somebody measured of a model, and a few words. Never changed."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    model = models.ForeignKey(
        "registry.RegisteredModel", on_delete=models.CASCADE, related_name="performance_reports"
    )
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )
    reported_at = models.DateTimeField(default=timezone.now, editable=False)
    metrics = models.JSONField(editable=False)
    feedback = models.TextField(blank=True, editable=False)
    idempotency_key = models.CharField(max_length=100, null=True, editable=False)
    request_hash = models.CharField(max_length=71, editable=False)

    class Meta:
        app_label = "registry"
        ordering = ["-reported_at", "-pk"]
        verbose_name = "performance report"
        constraints = [
            models.UniqueConstraint(
                fields=["reporter", "idempotency_key"],
                name="performance_idempotency_key_once",
                condition=~Q(idempotency_key=None),
            )
        ]
        indexes = [
            models.Index(fields=["model", "-reported_at", "-id"], name="reports_of_a_model"),
            models.Index(fields=["model", "reporter", "-id"], name="reports_of_a_person"),
        ]

    def __str__(self) -> str:
        return f"report on {self.model} of {self.reported_at:%Y-%m-%d}"
