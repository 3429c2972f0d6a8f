"""Pieces of the OpenAPI document: bodies, pages of lists, and the answers that say no."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "registry.accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API token: hw_..."}


class ProblemError(serializers.Serializer):
    pointer = serializers.CharField(
        allow_blank=True,
        help_text="JSON pointer (RFC 6901) to the fault, as in /examples/3/move; empty for all",
    )
    detail = serializers.CharField()
    position = serializers.IntegerField(
        required=False, help_text="within a text such as q, in characters from 1"
    )


class ProblemData(serializers.Serializer):
    """RFC 9457: what was found, what was expected, what to do."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = ProblemError(many=True, required=False)


PROBLEM_MEDIA_TYPE = "application/problem+json"
WORDS = {
    400: "Not one strict JSON document",
    401: "No token, or one that is unknown, expired or revoked",
    403: "The role or the token's scopes do not allow it",
    404: "Not there, or not visible to you",
    409: "What exists now does not allow it",
    413: "Larger than 4 MiB",
    415: "Not application/json",
    422: "Breaks its schema; errors says where",
    429: "Too much at this moment; Retry-After says when to come back",
    503: "The server has too much to do; Retry-After, where given, says when to come back",
}


EVERYWHERE = (401, 403, 503)
WITH_BODY = (400, 413, 415)


# What a download may be, by what was registered or exported.
FILE = OpenApiTypes.BINARY
VERSION_FILES = ("application/vnd.safetensors", "application/x-onnx")
EXPORT_FILES = ("application/x-onnx", "application/x-torchscript")


def answers(
    good: Any,
    *problems: int,
    status: int = 200,
    takes_body: bool = False,
    media_types: tuple[str, ...] = (),
) -> dict[Any, Any]:
    """The `responses` of one method: the good one, and the problems it may answer with.

    Args:
        problems: those of this method alone. takes_body: it reads JSON, which may be faulty.
        media_types: of the good one, if it is not JSON.
    """
    found: dict[Any, Any] = {(status, one): good for one in media_types} or {status: good}
    for code in sorted({*EVERYWHERE, *problems, *(WITH_BODY if takes_body else ())}):
        found[(code, PROBLEM_MEDIA_TYPE)] = OpenApiResponse(ProblemData, WORDS[code])
    return found


@cache  # one component of the document, however many lists are made of it
def page(of: type[serializers.Serializer]) -> serializers.Serializer:
    return inline_serializer(
        name=f"{of.__name__}Page",
        fields={
            "items": of(many=True),
            "next": serializers.CharField(allow_null=True, help_text="address of the next page"),
        },
    )


PAGING = [
    OpenApiParameter("cursor", str, description="from `next` of the page before"),
    OpenApiParameter("limit", int, description="1 to 200, default 50"),
]


def body(required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    """A JSON body as a schema."""
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:  # JSON Schema of OpenAPI 3.0 knows no empty list
        schema["required"] = required
    return {"application/json": schema}


TEXT = {"type": "string"}
