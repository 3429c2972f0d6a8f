"""REST: versions of all models, searched."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry import serializers
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import PAGING, answers, page
from registry.searching.lists import found_data, search_parameter
from registry.searching.queries import NEWEST_FIRST, visible_versions
from registry.searching.tables import VERSIONS


class FoundVersions(APIView):
    access = {"GET": Access(Scope.READ, "registry.view_modelversion")}

    @extend_schema(
        operation_id="search_versions",
        parameters=[*PAGING, search_parameter(VERSIONS)],
        responses=answers(page(serializers.VersionData), 422),
    )
    def get(self, request: Request) -> Response:
        """Versions of every model you may see, newest first: `?q=metrics.survival >= 300`."""
        rows = visible_versions(request.user)
        to_data = serializers.version_data
        return Response(found_data(request, rows, NEWEST_FIRST, VERSIONS, to_data))
