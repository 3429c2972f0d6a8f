"""REST: which workers there are, what they can do, and what waits for them."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import answers
from registry.hosts import data, serializers


class WorkerList(APIView):
    access = {"GET": Access(Scope.READ, data.PERMISSION)}

    @extend_schema(operation_id="list_workers", responses=answers(serializers.Overview))
    def get(self, request: Request) -> Response:
        """Workers with devices, load and loaded versions, and queues with what waits in them."""
        return Response(data.overview(request.user))
