"""Rows to look at: nothing is added, changed or deleted by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest


class ReadOnlyAdmin(admin.ModelAdmin):
    show_full_result_count = False  # counting a large table takes longer than showing a page

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def refuse(form: Any, field: str | None, error: Exception) -> None:
    """Show what a service refused beside its field, each fault on a line of its own."""
    texts = [str(problem) for problem in getattr(error, "problems", ())] or [str(error)]
    for text in texts:
        form.add_error(field, text)
