"""What was done, by whom: a chain of entries, each of which carries the hash of the one before."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone


class AuditEntry(models.Model):
    """One thing that somebody did. Never changed and never deleted: a database trigger refuses it.

    Numbers and names instead of foreign keys, so that an entry outlives what it tells of.
    """

    sequence = models.BigIntegerField(primary_key=True, editable=False)  # 1, 2, 3, without holes
    happened_at = models.DateTimeField(default=timezone.now, editable=False)
    actor_number = models.BigIntegerField(null=True, editable=False)
    actor = models.CharField(max_length=150, blank=True, editable=False)  # "" for the platform
    action = models.CharField(max_length=60, editable=False)
    kind = models.CharField(max_length=40, editable=False)  # of the subject: model, version, alias
    subject = models.CharField(max_length=200, editable=False)
    classroom_number = models.BigIntegerField(null=True, editable=False)
    details = models.JSONField(default=dict, editable=False)
    previous_hash = models.CharField(max_length=64, editable=False)
    hash = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        app_label = "registry"
        ordering = ["-sequence"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["kind", "subject", "-sequence"], name="audit_of_a_subject"),
            models.Index(fields=["actor_number", "-sequence"], name="audit_of_an_actor"),
            models.Index(fields=["classroom_number", "-sequence"], name="audit_of_a_class"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence}: {self.action} {self.subject}"


class AuditHead(models.Model):
    """The newest entry of the chain, in one row: the last entries cannot be cut off unseen."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    sequence = models.BigIntegerField(default=0, editable=False)
    hash = models.CharField(max_length=64, default="0" * 64, editable=False)

    class Meta:
        app_label = "registry"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_audit_head")]

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"
