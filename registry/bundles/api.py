"""REST: take a model along as one file, and bring such a file."""

from __future__ import annotations

import io
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry import queries
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api import find_model
from registry.api_schema import answers
from registry.bundles import services, uploads
from registry.downloads import stream


class Stream:
    """A body that nobody has read yet."""

    def __init__(self, stream: Any) -> None:
        self.read = stream.read


class BundleParser(BaseParser):
    """Hands the body on unread: the view reads it piece by piece."""

    media_type = uploads.MEDIA_TYPE

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return Stream(stream)


class ImportedData(serializers.Serializer):
    """What an import did."""

    changed = serializers.BooleanField(help_text="false if all of it was here already")
    models = serializers.ListField(child=serializers.CharField(), help_text="those that were made")
    versions = serializers.ListField(child=serializers.CharField())
    alias_moves = serializers.IntegerField()
    unchanged = serializers.ListField(child=serializers.CharField())
    notes = serializers.ListField(
        child=serializers.CharField(), help_text="what could not be kept as it was"
    )


class ModelBundle(APIView):
    access = {"GET": Access(Scope.READ, "registry.download_modelversion")}

    @extend_schema(
        operation_id="export_bundle",
        parameters=[
            OpenApiParameter(
                "version",
                str,
                many=True,
                description="numbers of single versions; without them the whole model, with its "
                "aliases and their history",
            )
        ],
        responses=answers(OpenApiTypes.BINARY, 404, media_types=(uploads.MEDIA_TYPE,)),
    )
    def get(self, request: Request, name: str) -> HttpResponse:
        """A model as one file: versions, origin, aliases and their history, files and hashes."""
        model = find_model(request, name)
        numbers = request.GET.getlist("version")
        chosen = [queries.find_version(request.user, name, number) for number in numbers]
        file, size_bytes = uploads.written(chosen or [model], request.user)
        response = stream(request, file, uploads.MEDIA_TYPE)
        response.headers["Content-Length"] = str(size_bytes)
        response.headers["Content-Disposition"] = f'attachment; filename="{model.name}.zip"'
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


class BundleList(APIView):
    access = {"POST": Access(Scope.MANAGE, "registry.add_modelversion")}
    parser_classes = [BundleParser]

    @extend_schema(
        operation_id="import_bundle",
        parameters=[
            OpenApiParameter("classroom", int, description="number of the class that sees it"),
            OpenApiParameter("rename", str, many=True, description="old:new"),
        ],
        request={uploads.MEDIA_TYPE: OpenApiTypes.BINARY},
        responses=answers(ImportedData, 409, 422, 429, status=201, takes_body=True)
        | {200: ImportedData},
    )
    def post(self, request: Request) -> Response:
        """Restore what a bundle holds. 200 instead of 201 if all of it was here already.

        Every file is looked into before anything is kept, and after a refusal nothing is.
        """
        classroom = uploads.find_classroom(request.user, request.GET.get("classroom", ""))
        rename = uploads.read_rename(request.GET.getlist("rename"))
        # Without a body nothing was parsed, and there is no stream.
        body = request.data if isinstance(request.data, Stream) else io.BytesIO()
        with uploads.received(body) as path:
            imported = services.import_bundle(
                path, user=request.user, classroom=classroom, rename=rename
            )
        return Response(uploads.imported_data(imported), status=201 if imported.changed else 200)
