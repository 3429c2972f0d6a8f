"""REST: versions beside each other."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.errors import Problem, SpecError
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import answers
from registry.comparing.choosing import EVERY, IDS, asked_keys, wants_every
from registry.comparing.data import ComparisonData, comparison_data
from registry.comparing.differences import compare
from registry.comparing.queries import newest_versions_found, subject_of, versions_named
from registry.searching.lists import query_of, search_parameter
from registry.searching.tables import VERSIONS

CHOOSING = [
    OpenApiParameter(IDS, str, description="with commas between; or else q"),
    OpenApiParameter(EVERY, bool, description="parameters that are the same for all, too"),
]


def check_one_way(request: Request, keys: list[str]) -> None:
    """Raises: SpecError unless the things are named in one of the two ways."""
    if bool(keys) is bool(query_of(request).strip()):
        found = "both ids and q" if keys else "neither ids nor q"
        message = f"found {found}; expected one of them, to say what is compared"
        raise SpecError([Problem(IDS, message)])


class CompareVersions(APIView):
    access = {"GET": Access(Scope.READ, "registry.view_modelversion")}

    @extend_schema(
        operation_id="compare_versions",
        parameters=[*CHOOSING, search_parameter(VERSIONS)],
        responses=answers(ComparisonData, 404, 422),
    )
    def get(self, request: Request) -> Response:
        """Up to 50 versions beside each other: `?ids=walker:1.0.0,walker:1.1.0`, or those newest
        that `q` finds. Parameters that differ, metrics with the best, statistics over seeds."""
        keys = asked_keys(request)
        check_one_way(request, keys)
        found = versions_named(request.user, keys) if keys else newest_versions_found(request)
        if len(found) < len(keys):
            raise Http404
        comparison = compare([subject_of(one) for one in found], every=wants_every(request))
        return Response(comparison_data(comparison))
