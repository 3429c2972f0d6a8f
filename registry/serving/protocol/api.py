"""The routes of the Open Inference Protocol v2 as views, for signed-in browsers and Django alone.

Programs with a token are answered by the serving application, by the same functions.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from registry.serving.api import RawBodyView, respond
from registry.serving.callers import PREDICT, READ, Caller

OBJECT = OpenApiTypes.OBJECT
TAGS = ["Open Inference Protocol v2"]


ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}},
}
INDEX = {"type": "array", "items": {"type": "object"}}


def answers(*problems: int, good: Any = OBJECT) -> dict[int, Any]:
    error = OpenApiResponse(ERROR, "What was found, what was expected")
    return {200: good} | dict.fromkeys((401, 403, 503, *problems), error)


class ProtocolView(RawBodyView):
    """Refuses in the protocol's own words: `{"error": text}`."""

    def handle_exception(self, exc: Exception) -> Response | HttpResponse:
        from registry.serving.protocol.steps import error_reply

        response = super().handle_exception(exc)
        kept = {
            name: value
            for name, value in response.headers.items()
            if name.lower() not in ("content-type", "content-length")
        }
        return http_response(error_reply(response.status_code, response.data), kept)


class Live(ProtocolView):
    permission_classes = [AllowAny]
    authentication_classes: list = []

    @extend_schema(operation_id="v2_live", responses={200: OBJECT}, tags=TAGS)
    def get(self, request: Request) -> HttpResponse:
        """The process lives."""
        return health(ready=False)


class Ready(ProtocolView):
    permission_classes = [AllowAny]
    authentication_classes: list = []

    @extend_schema(operation_id="v2_ready", responses={200: OBJECT, 503: OBJECT}, tags=TAGS)
    def get(self, request: Request) -> HttpResponse:
        """The server can answer."""
        return health(ready=True)


class ServerMetadata(ProtocolView):
    access = {"GET": READ}

    @extend_schema(operation_id="v2_server", responses=answers(), tags=TAGS)
    def get(self, request: Request) -> HttpResponse:
        """Name, version and extensions of the server."""
        from registry.serving.protocol.steps import describe_server

        return http_response(describe_server())


class RepositoryIndex(ProtocolView):
    access = {"GET": READ, "POST": READ}

    @extend_schema(operation_id="v2_repository_index_get", responses=answers(good=INDEX), tags=TAGS)
    def get(self, request: Request) -> HttpResponse:
        """The versions you may ask."""
        return run(request, "repository_index")

    @extend_schema(
        operation_id="v2_repository_index", request=None, responses=answers(good=INDEX), tags=TAGS
    )
    def post(self, request: Request) -> HttpResponse:
        """The versions you may ask, as Triton's clients ask for them; a body is not looked at."""
        return run(request, "repository_index")


class ModelMetadata(ProtocolView):
    access = {"GET": READ}

    @extend_schema(operation_id="v2_model", responses=answers(404, 409), tags=TAGS)
    def get(self, request: Request, name: str, number: str | None = None) -> HttpResponse:
        """Versions, platform, inputs and outputs of a model."""
        return run(request, "describe_model", name, number)


class ModelReady(ProtocolView):
    access = {"GET": READ}

    @extend_schema(operation_id="v2_model_ready", responses=answers(404, 409, 503), tags=TAGS)
    def get(self, request: Request, name: str, number: str | None = None) -> HttpResponse:
        """Whether a version can answer."""
        return run(request, "model_ready", name, number)


class Infer(ProtocolView):
    access = {"POST": PREDICT}

    @extend_schema(
        operation_id="v2_infer",
        request={"application/json": {"type": "object", "required": ["inputs"]}},
        responses=answers(400, 404, 409, 413, 415, 429),
        tags=TAGS,
    )
    def post(self, request: Request, name: str, number: str | None = None) -> HttpResponse:
        """Ask a version, a number such as 1.0.0 or an alias, with JSON or with JSON and bytes."""
        from registry.serving.edge import check_protocol_type, protocol_infer

        length = request.headers.get("Inference-Header-Content-Length", "")
        return respond(
            *(request, check_protocol_type, protocol_infer),
            model=name,
            asked=number,
            header_length=length,
        )


def health(*, ready: bool) -> HttpResponse:
    from registry.serving.protocol.steps import server_health
    from registry.serving.runners import DirectRunner, finish_now

    return http_response(finish_now(server_health(DirectRunner(), ready=ready)))


def run(request: Request, step: str, *arguments: Any) -> HttpResponse:
    """One of the steps that take the runner, the call and what the address says."""
    from registry.serving.prediction import Call
    from registry.serving.protocol import steps
    from registry.serving.runners import DirectRunner, finish_now

    call = Call(Caller(request.user, request.auth), "", "v2", 0.0)
    return http_response(finish_now(getattr(steps, step)(DirectRunner(), call, *arguments)))


def http_response(reply: Any, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(
        reply.body, reply.content_type, reply.status, headers={**(headers or {}), **reply.headers}
    )
