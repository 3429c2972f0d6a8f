"""What may change about a version, which itself never does."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class VersionStatus(models.TextChoices):
    """`lifecycle.NEXT` says what may follow what."""

    REGISTERED = "registered"
    VALIDATED = "validated"
    STAGED = "staged"
    DEPLOYED = "deployed"
    ARCHIVED = "archived"


class VersionCard(models.Model):
    """Status, tags and description of a version. `status` is written by lifecycle.py alone."""

    version = models.OneToOneField(
        "registry.ModelVersion", on_delete=models.CASCADE, primary_key=True, related_name="card"
    )
    status = models.CharField(
        max_length=10,
        choices=VersionStatus.choices,
        default=VersionStatus.REGISTERED,
        editable=False,
    )
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        app_label = "registry"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=VersionStatus.values), name="version_status_known"
            )
        ]
        indexes = [models.Index(fields=["status"], name="cards_by_status")]

    def __str__(self) -> str:
        return f"{self.version}: {self.status}"


class VersionCheck(models.Model):
    """One look into the file of a version, in a process of its own, and what it found."""

    version = models.ForeignKey(
        "registry.ModelVersion", on_delete=models.CASCADE, related_name="checks"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, editable=False
    )
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    begun_at = models.DateTimeField(null=True, editable=False)  # by the worker that has it now
    lease_holder = models.CharField(max_length=200, blank=True, editable=False)
    passed = models.BooleanField(null=True, editable=False)  # null while it waits or runs
    problem = models.TextField(blank=True, editable=False)
    report = models.JSONField(default=dict, editable=False)

    class Meta:
        app_label = "registry"
        ordering = ["-asked_at", "-pk"]
        verbose_name = "check"
        indexes = [models.Index(fields=["version", "-asked_at"], name="checks_of_a_version")]

    def __str__(self) -> str:
        verdict = {None: "not done yet", True: "passed", False: "failed"}[self.passed]
        return f"check of {self.version}: {verdict}"
