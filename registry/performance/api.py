"""REST: say how a model does, and read what was said."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api import find_model
from registry.api_schema import PAGING, TEXT, answers, body, page
from registry.jobs.api import IDEMPOTENCY_KEY, key_of
from registry.pagination import page_data
from registry.performance import queries, services
from registry.serving.callers import PREDICT

BODY = body(
    ["metrics"],
    metrics={
        "type": "object",
        "minProperties": 1,
        "maxProperties": services.MOST_METRICS,
        "additionalProperties": {"type": "number"},
        "description": "finite numbers by name",
    },
    feedback={**TEXT, "maxLength": services.LONGEST_FEEDBACK},
)


class ReportData(serializers.Serializer):
    """What somebody measured of a model."""

    report_id = serializers.UUIDField(source="uid")
    model = serializers.CharField(source="model.name")
    reporter = serializers.CharField(
        source="reporter.username", default=None, allow_null=True, help_text="null: gone since"
    )
    reported_at = serializers.DateTimeField()
    metrics = serializers.DictField(child=serializers.FloatField())
    feedback = serializers.CharField(allow_blank=True)


class Performance(APIView):
    access = {
        "GET": Access(Scope.READ, "registry.view_performancereport"),
        "POST": PREDICT,
    }

    @extend_schema(
        operation_id="list_performance",
        parameters=PAGING,
        responses=answers(page(ReportData), 404, 422),
    )
    def get(self, request: Request, name: str) -> Response:
        """What was reported of a model, newest first."""
        reports = queries.reports_of(find_model(request, name))
        return Response(
            page_data(request, reports, queries.REPORT_ORDER, lambda one: ReportData(one).data)
        )

    @extend_schema(
        operation_id="report_performance",
        request=BODY,
        parameters=[IDEMPOTENCY_KEY],
        responses=answers(ReportData, 404, 409, 422, status=201, takes_body=True)
        | {200: ReportData},
    )
    def post(self, request: Request, name: str) -> Response:
        """Report how a model does where you use it: whoever may ask it may. Everybody who sees
        the model sees the report. 200 if the key made the report before."""
        model = find_model(request, name)
        kept, made = services.report(
            request.user, model, request.data, idempotency_key=key_of(request)
        )
        return Response(ReportData(kept).data, status=201 if made else 200)
