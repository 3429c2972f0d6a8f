"""What is known about versions beside what never changes."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from registry.exports.models import Export
from registry.models import ModelVersion
from registry.versions.models import VersionCheck

FORGOTTEN_AFTER = timedelta(minutes=2)


def forgotten_checks() -> QuerySet[VersionCheck]:
    """Checks that should have ended by now: their message or their worker was lost."""
    return VersionCheck.objects.filter(
        ended_at=None, asked_at__lt=timezone.now() - FORGOTTEN_AFTER
    ).order_by("asked_at")[:100]


def checks_of(version: ModelVersion) -> QuerySet[VersionCheck]:
    return version.checks.select_related("asked_by").order_by("-asked_at", "-pk")


def exports_of(version: ModelVersion) -> QuerySet[Export]:
    return version.exports.select_related("artifact", "version__model").order_by("format")
