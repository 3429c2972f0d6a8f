"""REST: register a version, describe it, check it, change its status, fetch its exports."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.schema import Choice, Section, Text, validate
from registry import queries, serializers
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api import DESCRIBED, DESCRIPTION, TAGS, VersionList, find_model
from registry.api_schema import EXPORT_FILES, FILE, PAGING, TEXT, answers, body, page
from registry.downloads import export_name, send_artifact
from registry.moments import read_time
from registry.pagination import page_data
from registry.versions import services, uploading
from registry.versions.models import VersionStatus
from registry.versions.queries import checks_of, exports_of

UPLOAD = {
    "multipart/form-data": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {
                "type": "string",
                "format": "binary",
                "description": "an inference checkpoint, an ONNX file, or plain safetensors "
                "with brain and layout",
            },
            "brain": {"type": "string", "description": "brain.yaml, for plain safetensors"},
            "layout": {"type": "string", "description": "JSON, for plain safetensors"},
            "description": TEXT,
            "tags": {"type": "string", "description": "JSON: names to texts"},
            "metrics": {"type": "string", "description": "JSON: names to numbers"},
            "parameters": {"type": "string", "description": "JSON: what was chosen"},
            "dataset": TEXT,
            "parent": {"type": "string", "example": "1.0.0"},
            "part": {"type": "string", "enum": ["patch", "minor", "major"]},
        },
    }
}


class Versions(VersionList):
    """The list of a model's versions, to which one may be added."""

    access = {
        **VersionList.access,
        "POST": Access(Scope.MANAGE, "registry.add_modelversion"),
    }
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="register_version",
        request=UPLOAD,
        responses=answers(
            serializers.VersionDetail, 404, 409, 422, 429, status=201, takes_body=True
        ),
    )
    def post(self, request: Request, name: str) -> Response:
        """Register a file as the next version of a model.

        It is looked into in a process of its own; nothing in it is ever executed.
        """
        model = find_model(request, name)
        version = uploading.register_upload(
            lambda: model, request.FILES, request.POST, request.user
        )
        found = queries.find_version(request.user, model.name, version.number)
        data = serializers.VersionDetail(found).data
        return Response(data, status=201, headers={"Location": data["url"]})


class VersionStatusDetail(APIView):
    access = {"PUT": Access(Scope.MANAGE, "registry.change_versioncard")}

    @extend_schema(
        operation_id="change_version_status",
        request=body(
            ["status"], status={"type": "string", "enum": VersionStatus.values}, reason=TEXT
        ),
        responses=answers(serializers.VersionDetail, 404, 409, 422, takes_body=True),
    )
    def put(self, request: Request, name: str, number: str) -> Response:
        """Stage a version, take it back, archive it, or take it out of the archive."""
        version = queries.find_version(request.user, name, number)
        fields = Section({"status": Choice(*VersionStatus.values), "reason": Text("", longest=200)})
        read = validate(fields, request.data)
        services.set_status(version, read["status"], request.user, reason=read["reason"])
        found = queries.find_version(request.user, name, version.number)
        return Response(serializers.VersionDetail(found).data)


class VersionCardDetail(APIView):
    access = {"PATCH": Access(Scope.MANAGE, "registry.change_versioncard")}

    @extend_schema(
        operation_id="describe_version",
        request=body([], tags=TAGS, description=DESCRIPTION),
        responses=answers(serializers.VersionDetail, 404, 422, takes_body=True),
    )
    def patch(self, request: Request, name: str, number: str) -> Response:
        """Replace the tags or the description of a version."""
        version = queries.find_version(request.user, name, number)
        services.change_card(version, request.user, **validate(DESCRIBED, request.data))
        found = queries.find_version(request.user, name, version.number)
        return Response(serializers.VersionDetail(found).data)


class CheckList(APIView):
    access = {
        "GET": Access(Scope.READ, "registry.view_versioncheck"),
        "POST": Access(Scope.MANAGE, "registry.add_versioncheck"),
    }

    @extend_schema(
        operation_id="list_checks",
        parameters=PAGING,
        responses=answers(page(serializers.CheckData), 404, 422),
    )
    def get(self, request: Request, name: str, number: str) -> Response:
        """Looks into the file of a version, newest first."""
        version = queries.find_version(request.user, name, number)
        order = ("-asked_at", "-id")
        return Response(
            page_data(request, checks_of(version), order, lambda c: serializers.CheckData(c).data)
        )

    @extend_schema(
        operation_id="check_version",
        request=None,
        responses=answers(serializers.CheckData, 404, 409, status=202),
    )
    def post(self, request: Request, name: str, number: str) -> Response:
        """Have the file looked into again, by a worker, in a process of its own."""
        version = queries.find_version(request.user, name, number)
        check = services.ask_check(version, request.user)
        return Response(serializers.CheckData(check).data, status=202)


class ExportList(APIView):
    access = {"GET": Access(Scope.READ, "registry.view_export")}

    @extend_schema(
        operation_id="list_exports", responses=answers(serializers.ExportData(many=True), 404)
    )
    def get(self, request: Request, name: str, number: str) -> Response:
        """The version in other engines' forms. A check that passes makes them."""
        version = queries.find_version(request.user, name, number)
        exports: QuerySet = exports_of(version)
        return Response(serializers.ExportData(exports, many=True).data)


class ExportDownload(APIView):
    access = {"GET": Access(Scope.READ, "registry.download_modelversion")}

    @extend_schema(
        operation_id="download_export",
        responses=answers(FILE, 404, media_types=EXPORT_FILES) | {304: None},
    )
    def get(self, request: Request, name: str, number: str, form: str) -> HttpResponse:
        """The file for another engine: onnx or torchscript."""
        version = queries.find_version(request.user, name, number)
        export = get_object_or_404(exports_of(version), format=form)
        return send_artifact(request, export.artifact, export_name(version, form))


class LiveAt(APIView):
    access = {"GET": Access(Scope.READ, "registry.view_aliasmove")}

    @extend_schema(
        operation_id="live_at",
        parameters=[OpenApiParameter("at", datetime, description="a time; without it, now")],
        responses=answers(serializers.LiveAlias(many=True), 404, 422),
    )
    def get(self, request: Request, name: str) -> Response:
        """What every alias of a model named at a time."""
        model = find_model(request, name)
        at = request.GET.get("at")
        when = timezone.now() if at is None else read_time(at, "at")
        return Response(serializers.LiveAlias(queries.live_at(model, when), many=True).data)
