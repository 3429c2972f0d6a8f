"""Rules by which old versions are put away, in Django's admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from registry.admin.by_services import ByServicesAdmin
from registry.models import RetentionRule
from registry.retention import services


@admin.register(RetentionRule)
class RetentionRuleAdmin(ByServicesAdmin):
    """Made, changed and ended by the services, each with its entry in the audit log."""

    list_display = ("__str__", "keep_newest", "archive_after_days", "delete_after_days")
    search_fields = ("model__name",)
    autocomplete_fields = ("model",)
    list_select_related = ("model",)

    def get_readonly_fields(self, request: HttpRequest, obj: RetentionRule | None = None) -> tuple:
        return ("model",) if obj else ()  # the rule of another model is another rule

    def save_model(self, request: HttpRequest, obj: RetentionRule, form: Any, change: bool) -> None:
        names = ("keep_newest", "archive_after_days", "delete_after_days")
        fields = {name: getattr(obj, name) for name in names}
        obj.pk = services.set_rule(obj.model, fields, request.user).pk

    def delete_model(self, request: HttpRequest, obj: RetentionRule) -> None:
        services.remove_rule(obj.model, request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RetentionRule]) -> None:
        for rule in queryset.select_related("model"):
            services.remove_rule(rule.model, request.user)
