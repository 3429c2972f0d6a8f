"""Reports as far as the asker may see them: those of the models that he sees."""

from __future__ import annotations

from django.db.models import QuerySet

from registry.models import PerformanceReport, RegisteredModel

REPORT_ORDER = ("-reported_at", "-id")
SHOWN = 10  # on the page of a model


def reports_of(model: RegisteredModel) -> QuerySet[PerformanceReport]:
    """Args: model: one that the asker may see. Newest first."""
    reports = PerformanceReport.objects.filter(model=model)
    return reports.select_related("model", "reporter").order_by(*REPORT_ORDER)
