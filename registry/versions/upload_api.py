"""REST: upload a network of a named type."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.learning.connect_four.config import MODEL_TYPES
from registry import queries
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import answers
from registry.jobs.api import IDEMPOTENCY_KEY, key_of
from registry.serializers import VersionData

FORM = {
    "multipart/form-data": {
        "type": "object",
        "required": ["model", "model_type"],
        "properties": {
            "model": {
                "type": "string",
                "format": "binary",
                "description": "an inference checkpoint, plain safetensors, or an ONNX file",
            },
            "model_type": {"type": "string", "enum": list(MODEL_TYPES)},
            "metadata": {
                "type": "string",
                "description": "JSON: name (of the model, connect_four-<model_type> if left out), "
                "classroom (of a new model), preset or brain (the network of plain weights; the "
                "small preset if left out), description, tags, metrics, parameters, dataset, "
                "parent, part",
                "example": '{"name": "dropper", "preset": "small"}',
            },
        },
    }
}


class UploadedVersion(serializers.Serializer):
    """A version that was made of a file."""

    model = serializers.CharField(source="model.name")
    model_version = serializers.CharField(source="number")
    model_type = serializers.CharField(source="lineage.model_type")
    format = serializers.CharField()
    status = serializers.CharField(
        source="card.status", help_text="validated once a worker has checked it"
    )
    artifact_sha256 = serializers.CharField(source="artifact_id")
    url = serializers.SerializerMethodField()

    get_url = VersionData.get_url


class Upload(APIView):
    access = {"POST": Access(Scope.MANAGE, "registry.add_modelversion")}
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="upload",
        request=FORM,
        parameters=[IDEMPOTENCY_KEY],
        responses=answers(UploadedVersion, 409, 422, 429, status=201, takes_body=True)
        | {200: UploadedVersion},
    )
    def post(self, request: Request) -> Response:
        """Register a network for Connect Four. The file must hold what `model_type` says.

        It is looked into in a process of its own; nothing in it is ever executed, and of what is
        refused nothing is kept. 200 if the key made the version before.
        """
        # Brings torch, which what only lists routes does not need.
        from registry.versions.typed_upload import register_typed

        version, made = register_typed(
            request.FILES, request.POST, request.user, idempotency_key=key_of(request)
        )
        found = queries.find_version(request.user, version.model.name, version.number)
        data = UploadedVersion(found).data
        return Response(data, status=201 if made else 200, headers={"Location": data["url"]})
