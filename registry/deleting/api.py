"""REST: see what a deletion takes along, then delete exactly that."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.errors import Problem, SpecError
from registry import queries
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api import find_model
from registry.api_schema import answers
from registry.deleting import services
from registry.deleting.queries import preview
from registry.deleting.serializers import PreviewData

TOKEN = [OpenApiParameter("token", str, required=True, description="of the preview")]


def read_token(request: Request) -> str:
    """Raises: SpecError."""
    token = request.GET.get("token", "")
    if not token:
        message = "missing; GET this address shows what would go, and the token for it"
        raise SpecError([Problem("token", message)])
    return token


class VersionDeletion(APIView):
    access = {
        "GET": Access(Scope.MANAGE, "registry.delete_modelversion"),
        "DELETE": Access(Scope.MANAGE, "registry.delete_modelversion"),
    }

    @extend_schema(operation_id="preview_version_deletion", responses=answers(PreviewData, 404))
    def get(self, request: Request, name: str, number: str) -> Response:
        """What goes with a version, what stays, and what stands in the way. Changes nothing."""
        version = queries.find_version(request.user, name, number)
        return Response(PreviewData(preview(version)).data)

    @extend_schema(
        operation_id="delete_version",
        parameters=TOKEN,
        responses=answers(PreviewData, 404, 409, 422),
    )
    def delete(self, request: Request, name: str, number: str) -> Response:
        """Delete a version for good: exactly what the preview with this token showed."""
        version = queries.find_version(request.user, name, number)
        token = read_token(request)
        found = services.delete_version(version, token=token, user=request.user)
        return Response(PreviewData(found).data)


class ModelDeletion(APIView):
    access = {
        "GET": Access(Scope.MANAGE, "registry.delete_registeredmodel"),
        "DELETE": Access(Scope.MANAGE, "registry.delete_registeredmodel"),
    }

    @extend_schema(operation_id="preview_model_deletion", responses=answers(PreviewData, 404))
    def get(self, request: Request, name: str) -> Response:
        """What goes with a model, what stays, and what stands in the way. Changes nothing."""
        return Response(PreviewData(preview(find_model(request, name))).data)

    @extend_schema(
        operation_id="delete_model",
        parameters=TOKEN,
        responses=answers(PreviewData, 404, 409, 422),
    )
    def delete(self, request: Request, name: str) -> Response:
        """Delete a model for good: exactly what the preview with this token showed."""
        model = find_model(request, name)
        found = services.delete_model(model, token=read_token(request), user=request.user)
        return Response(PreviewData(found).data)
