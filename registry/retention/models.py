"""Rules by which old versions are put away."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone


class RetentionRule(models.Model):
    """Which versions of a model are archived by themselves, and deleted later.

    A version that an alias names, that is staged or deployed, that another version descends from
    or that is tagged `keep` stays whatever a rule says.
    """

    model = models.OneToOneField(
        "registry.RegisteredModel",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="retention_rule",
        help_text="empty: for all models without a rule of their own",
    )
    keep_newest = models.PositiveIntegerField(default=10, help_text="versions that always stay")
    archive_after_days = models.PositiveIntegerField(default=30)
    delete_after_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="after the archiving; empty: never"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(auto_now=True, editable=False)

    class Meta:
        app_label = "registry"
        verbose_name = "retention rule"
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=Q(model=None), name="one_retention_rule_for_all"
            )
        ]

    def __str__(self) -> str:
        return f"retention of {self.model or 'all models'}"
