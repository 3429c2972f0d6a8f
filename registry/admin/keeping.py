"""Files, jobs, reports, webhooks and the audit log in Django's admin: rows to look at.

Jobs and webhooks have pages of their own, on which they are steered.
"""

from __future__ import annotations

from django.contrib import admin
from django.db.models import URLField

from registry.admin.read_only import ReadOnlyAdmin
from registry.models import (
    Artifact,
    AuditEntry,
    Checkpoint,
    Job,
    PerformanceReport,
    Webhook,
    WebhookDelivery,
)


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ("run_id", "kind", "at", "artifact", "created_at")
    list_filter = ("kind",)
    search_fields = ("run_id",)
    list_select_related = ("artifact",)


@admin.register(Artifact)
class ArtifactAdmin(ReadOnlyAdmin):
    list_display = ("sha256", "size_bytes", "media_type", "created_at")
    list_filter = ("media_type",)
    search_fields = ("sha256",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Every entry carries the hash of the one before; `manage.py verify` checks the chain."""

    list_display = ("sequence", "happened_at", "actor", "action", "subject")
    list_filter = ("kind", "action")
    search_fields = ("subject", "actor")


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "version", "status", "device", "done", "total", "created_at")
    list_filter = ("kind", "status", "device")
    search_fields = ("version__model__name", "owner__username")
    list_select_related = ("version__model",)


@admin.register(PerformanceReport)
class PerformanceReportAdmin(ReadOnlyAdmin):
    list_display = ("reported_at", "model", "reporter", "metrics")
    search_fields = ("model__name", "reporter__username")
    list_select_related = ("model", "reporter")


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    list_display = ("name", "url", "owner", "classroom", "active", "created_at")
    list_filter = ("active",)
    search_fields = ("name", "url", "owner__username")
    list_select_related = ("owner", "classroom")
    # The secrets sign messages; they are shown once, to who made them.
    exclude = ("secret", "old_secret")
    formfield_overrides = {URLField: {"assume_scheme": "https"}}  # as Django 6 will


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "webhook", "event", "status", "attempts", "answer_status")
    list_filter = ("status", "event")
    search_fields = ("webhook__name", "event")
    list_select_related = ("webhook",)
