"""REST: runs beside each other, with the curves of their metrics."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import answers
from registry.comparing.api import CHOOSING, check_one_way
from registry.comparing.choosing import asked_keys, wants_every
from registry.comparing.data import ComparisonData, comparison_data
from registry.comparing.differences import compare
from registry.searching.lists import search_parameter
from training import api_data, comparing
from training.curves import MOST_BUCKETS, curves
from training.searching import RUNS


class CurvesData(serializers.Serializer):
    """Metrics of all runs on one grid of finished units of progress."""

    at = serializers.ListField(child=serializers.IntegerField())
    series = serializers.DictField(
        help_text="by metric: one list for each run with one value, or null, for each place"
    )


class RunComparison(ComparisonData):
    curves = CurvesData()


class CompareRuns(APIView):
    access = {"GET": Access(Scope.READ, "training.view_run")}

    @extend_schema(
        operation_id="compare_runs",
        parameters=[
            *CHOOSING,
            search_parameter(RUNS),
            OpenApiParameter("names", str, description="metrics with curves; all if left out"),
            OpenApiParameter(
                "max_points", int, description="of each curve, 1 to 128; by default as many as fit"
            ),
        ],
        responses=answers(RunComparison, 404, 422),
    )
    def get(self, request: Request) -> Response:
        """Up to 200 runs beside each other: `?ids=...,...`, or those newest that `q` finds.
        Parameters that differ, metrics with the best, statistics over seeds, curves."""
        keys = asked_keys(request)
        check_one_way(request, keys)
        runs = self.chosen(request, keys)
        known = comparing.curve_names(runs)
        names = api_data.read_names(request.GET.get("names"), known)
        points = request.GET.get("max_points")
        if points is not None:
            points = api_data.read_whole_number("max_points", points, 1, MOST_BUCKETS)
        subjects = [comparing.subject_of(run) for run in runs]
        data: dict[str, Any] = comparison_data(compare(subjects, every=wants_every(request)))
        data["curves"] = curves(runs, known if names is None else names, points)
        return Response(data)

    def chosen(self, request: Request, keys: list[str]) -> list[Any]:
        """Raises: Http404 where one of the ids names nothing that the user may see."""
        if not keys:
            return comparing.newest_runs_found(request)
        runs = comparing.runs_named(request.user, keys)
        if len(runs) < len(keys):
            raise Http404
        return runs
