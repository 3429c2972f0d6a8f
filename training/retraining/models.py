"""What became of each night of a model."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from registry.models import ModelVersion, RegisteredModel


class NightOutcome(models.TextChoices):
    SKIPPED = "skipped"
    TRAINING = "training"
    PROPOSED = "proposed"
    FAILED = "failed"


class Night(models.Model):
    """One night of one model: how many games there were, and what was done.

    `newest_game` is the highest number of a game that the run learned from, so that the next
    night counts from there.
    """

    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="nights")
    night = models.DateField(editable=False)  # the day on which it begins, where the server is
    outcome = models.CharField(max_length=10, choices=NightOutcome.choices, editable=False)
    reason = models.TextField(blank=True, editable=False)
    games_count = models.PositiveIntegerField(editable=False)
    newest_game = models.BigIntegerField(default=0, editable=False)
    run = models.OneToOneField(
        "training.Run", null=True, on_delete=models.SET_NULL, related_name="night"
    )
    version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, editable=False
    )
    decided_at = models.DateTimeField(default=timezone.now, editable=False)
    settled_at = models.DateTimeField(null=True, editable=False)  # null while a run may change it

    class Meta:
        app_label = "training"
        ordering = ["-night", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["model", "night"], name="night_once_per_model"),
            models.CheckConstraint(
                condition=Q(outcome__in=NightOutcome.values), name="night_outcome_known"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="nights_to_settle", condition=Q(settled_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.model}, night of {self.night}"
