"""REST: the platform at a glance."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import answers
from training.status import queries, serializers


class Status(APIView):
    access = {"GET": Access(Scope.READ, "registry.view_registeredmodel")}

    @extend_schema(operation_id="get_status", responses=answers(serializers.PlatformStatus))
    def get(self, request: Request) -> Response:
        """How many workers are heard, which versions are in service, what runs and what waits.
        Everybody with a role may ask; models, runs and jobs out of your sight are not counted."""
        return Response(queries.status_data(request.user))
