"""REST: models and their versions. The same services as the pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.schema import Choice, Integer, Section, Text, Unread, validate
from hamlet.systems import SYSTEMS
from registry import queries, serializers, services
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import FILE, PAGING, TEXT, VERSION_FILES, answers, body, page
from registry.downloads import send_checkpoint
from registry.models import RegisteredModel
from registry.pagination import next_url
from registry.searching.lists import found_data, found_page, search_parameter
from registry.searching.tables import MODELS, VERSIONS

VIEW_MODEL = Access(Scope.READ, "registry.view_registeredmodel")
VIEW_VERSION = Access(Scope.READ, "registry.view_modelversion")


TAGS = {"type": "object", "additionalProperties": {"type": "string"}, "nullable": True}
DESCRIPTION = {**TEXT, "nullable": True}
DESCRIBED = Section(
    {
        "tags": Unread(default=None, optional=True),
        "description": Unread(default=None, optional=True),
    }
)
NEW_MODEL = Section(
    {
        "name": Text(longest=100),
        "system": Choice(*SYSTEMS),
        "classroom": Integer(1, 2**31 - 1, None, optional=True),
        **DESCRIBED.fields,
    }
)


def described(request: Request, name: str) -> dict[str, Any]:
    model = get_object_or_404(queries.models_with_newest(request.user), name=name)
    return serializers.model_data(model, queries.newest_versions([model]))


def find_model(request: Request, name: str) -> RegisteredModel:
    return get_object_or_404(queries.visible_models(request.user), name=name)


class ModelList(APIView):
    access = {"GET": VIEW_MODEL, "POST": Access(Scope.MANAGE, "registry.add_registeredmodel")}

    @extend_schema(
        operation_id="list_models",
        parameters=[
            *PAGING,
            OpenApiParameter("system", str, enum=list(SYSTEMS)),
            search_parameter(MODELS),
        ],
        responses=answers(page(serializers.ModelData), 422),
    )
    def get(self, request: Request) -> Response:
        """Models you may see, newest first."""
        models = queries.models_with_newest(request.user)
        if system := request.GET.get("system"):
            read = validate(Section({"system": Choice(*SYSTEMS)}), {"system": system})
            models = models.filter(system=read["system"])
        found = found_page(request, models, queries.MODEL_ORDER, MODELS)
        newest = queries.newest_versions(found.items)
        items = [serializers.model_data(model, newest) for model in found.items]
        return Response({"items": items, "next": next_url(request, found)})

    @extend_schema(
        operation_id="create_model",
        request=body(
            ["name", "system"],
            name=TEXT,
            system={"type": "string", "enum": list(SYSTEMS)},
            classroom={"type": "integer", "nullable": True},
            description=DESCRIPTION,
            tags=TAGS,
        ),
        responses=answers(serializers.ModelData, 409, 422, status=201, takes_body=True),
    )
    def post(self, request: Request) -> Response:
        """Make a name under which versions can be registered."""
        read = validate(NEW_MODEL, request.data)
        model = services.create_model(user=request.user, **read)
        data = described(request, model.name)
        return Response(data, status=201, headers={"Location": data["url"]})


class ModelDetail(APIView):
    access = {
        "GET": VIEW_MODEL,
        "PATCH": Access(Scope.MANAGE, "registry.change_registeredmodel"),
    }

    @extend_schema(operation_id="get_model", responses=answers(serializers.ModelData, 404))
    def get(self, request: Request, name: str) -> Response:
        """One model."""
        return Response(described(request, name))

    @extend_schema(
        operation_id="describe_model",
        request=body([], tags=TAGS, description=DESCRIPTION),
        responses=answers(serializers.ModelData, 404, 422, takes_body=True),
    )
    def patch(self, request: Request, name: str) -> Response:
        """Replace the tags or the description of a model."""
        model = find_model(request, name)
        services.change_model(model, request.user, **validate(DESCRIBED, request.data))
        return Response(described(request, name))


class VersionList(APIView):
    access = {"GET": VIEW_VERSION}

    @extend_schema(
        operation_id="list_versions",
        parameters=[*PAGING, search_parameter(VERSIONS)],
        responses=answers(page(serializers.VersionData), 404, 422),
    )
    def get(self, request: Request, name: str) -> Response:
        """Versions of a model, highest number first."""
        versions = queries.versions_of_model(find_model(request, name))
        to_data = serializers.version_data
        return Response(found_data(request, versions, queries.VERSION_ORDER, VERSIONS, to_data))


class VersionDetail(APIView):
    access = {"GET": VIEW_VERSION}

    @extend_schema(operation_id="get_version", responses=answers(serializers.VersionDetail, 404))
    def get(self, request: Request, name: str, number: str) -> Response:
        """One version, by number or by alias."""
        version = queries.find_version(request.user, name, number)
        return Response(serializers.VersionDetail(version).data)


class VersionDownload(APIView):
    access = {"GET": Access(Scope.READ, "registry.download_modelversion")}

    @extend_schema(
        operation_id="download_version",
        responses=answers(FILE, 404, media_types=VERSION_FILES) | {304: None},
    )
    def get(self, request: Request, name: str, number: str) -> HttpResponse:
        """The inference checkpoint. ETag and Repr-Digest carry its sha256."""
        version = queries.find_version(request.user, name, number)
        return send_checkpoint(request, version)


class OpenAPIDocument(SpectacularJSONAPIView):
    """This description. It holds no data, so anybody may read it."""

    permission_classes = [AllowAny]
    authentication_classes: list = []
