"""How the API says no: RFC 9457 problem+json with what was found, what was expected, what to do.

{"type": "urn:hamlet:problem:invalid", "title": "Unprocessable Content", "status": 422,
 "detail": "...", "errors": [{"pointer": "/inputs/observation", "detail": "found ..."}]}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from hamlet.errors import CheckpointError, Problem, ShapeError, SpecError
from registry.accounts.errors import AccountError, ThrottleUnavailableError, TooManyAttemptsError
from registry.artifacts.errors import ArtifactDamagedError, ArtifactTooLargeError
from registry.bodies import StrictJSONParser
from registry.errors import (
    BusyError,
    ConflictError,
    NotChangeableError,
    OverloadedError,
    RegistryError,
    VersionNotFoundError,
)
from registry.serving.errors import ModelTooLargeError, SessionsUnavailableError

__all__ = ["StrictJSONParser", "handle"]  # by these names the settings find them

MEDIA_TYPE = "application/problem+json"
KINDS = {
    400: "malformed",
    401: "not-authenticated",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "conflict",
    410: "gone",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    429: "too-many-requests",
    500: "internal",
    503: "unavailable",
}
WHOLE = ("(document)", "(message)")  # paths of faults that have no place in the request
PATH_MARKS = re.compile(r"\.|\[(\d+)\]")
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}  # RFC 9110's words


def problem_data(status: int, detail: str, errors: Sequence[Problem] = ()) -> dict[str, Any]:
    title = TITLES.get(status) or HTTPStatus(status).phrase
    data: dict[str, Any] = {
        "type": f"urn:hamlet:problem:{KINDS.get(status, 'error')}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if errors:
        data["errors"] = [_entry(error) for error in errors]
    return data


def _entry(problem: Problem) -> dict[str, Any]:
    """A problem within one text knows its place there, in characters from 1."""
    entry: dict[str, Any] = {"pointer": pointer_of(problem.path), "detail": problem.message}
    if (position := getattr(problem, "position", None)) is not None:
        entry["position"] = position
    return entry


def pointer_of(path: str) -> str:
    """The library's `examples[3].move` as the JSON pointer `/examples/3/move`; "" for all of it.

    Source: RFC 6901.
    """
    if path in WHOLE:
        return ""
    parts = (part for part in PATH_MARKS.split(path) if part)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


# The status of each error that a view may let through. The first fitting row counts.
STATUS_OF: tuple[tuple[type[Exception], int], ...] = (
    (SpecError, 422),
    (ShapeError, 422),
    (ArtifactDamagedError, 500),
    (ArtifactTooLargeError, 413),
    (CheckpointError, 422),
    (ConflictError, 409),
    (NotChangeableError, 403),
    (VersionNotFoundError, 404),
    (ModelTooLargeError, 503),
    (SessionsUnavailableError, 503),
    (OverloadedError, 429),
    (BusyError, 429),
    (RegistryError, 422),
    (TooManyAttemptsError, 429),
    (ThrottleUnavailableError, 503),
    (AccountError, 422),
    (Http404, 404),
    (PermissionDenied, 403),
    (RequestDataTooBig, 413),
)


def register_status(error: type[Exception], status: int) -> None:
    """Let a layer above say how its own errors are answered (from its AppConfig.ready)."""
    global STATUS_OF
    if (error, status) not in STATUS_OF:
        STATUS_OF = ((error, status), *STATUS_OF)


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None for errors of ours, which become a 500 with a traceback."""
    if isinstance(error, exceptions.APIException):
        response = _from_api_exception(error)
    else:
        status = next((code for kind, code in STATUS_OF if isinstance(error, kind)), None)
        if status is None:
            return None
        response = _response(status, _detail(error, status), getattr(error, "problems", ()))
        if (wait := getattr(error, "retry_after_s", None)) is not None:
            response.headers["Retry-After"] = str(wait)
        for name, value in getattr(error, "headers", {}).items():
            response.headers[name] = value
    from rest_framework.views import set_rollback  # which imports this module, by the settings

    set_rollback()
    return response


def _from_api_exception(error: exceptions.APIException) -> Response:
    if isinstance(error, exceptions.ValidationError):
        problems = list(_flatten(error.detail, ""))
        response = _response(422, "The body breaks its schema.", problems)
    else:
        response = _response(error.status_code, str(error.detail))
    if header := getattr(error, "auth_header", None):
        response.headers["WWW-Authenticate"] = header
    if (wait := getattr(error, "wait", None)) is not None:
        response.headers["Retry-After"] = str(int(wait))
    return response


def _response(status: int, detail: str, problems: Sequence[Problem] = ()) -> Response:
    response = Response(problem_data(status, detail, problems), status=status)
    # Set here and not by the renderer, which also writes the good answers.
    response.content_type = MEDIA_TYPE
    return response


def _detail(error: Exception, status: int) -> str:
    if isinstance(error, SpecError):
        count = len(error.problems)
        return "1 fault; see errors." if count == 1 else f"{count} faults; see errors."
    if isinstance(error, Http404):
        # A queryset's own words name tables; the reader wants to know what to check.
        return "There is nothing here, or you may not see it. Check the address and your account."
    return str(error) or HTTPStatus(status).description


def _flatten(detail: Any, path: str) -> list[Problem]:
    if isinstance(detail, dict):
        return [
            found
            for key, value in detail.items()
            for found in _flatten(value, f"{path}.{key}" if path else str(key))
        ]
    if isinstance(detail, list):
        return [found for value in detail for found in _flatten(value, path)]
    return [Problem(path or "(document)", str(detail))]


# -- answers outside of DRF -----------------------------------------------------------------------

API_PATHS = ("/api/", "/v1/", "/v2/")


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith(API_PATHS)


def problem_response(status: int, detail: str) -> JsonResponse:
    return JsonResponse(problem_data(status, detail), status=status, content_type=MEDIA_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400."""
    if is_api(request):
        # Of Django's own refusals nothing is told: their words are for the log.
        detail = str(exception) if isinstance(exception, BadRequest) else ""
        return problem_response(400, detail or "The request is malformed.")
    # With the request, unlike Django's own, so that the page shows who is signed in.
    return render(request, "400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    if is_api(request):
        return problem_response(403, str(exception) or "You may not do this.")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    if is_api(request):
        return problem_response(
            404, "There is no such route. GET /api/v1/openapi.json lists all of them."
        )
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500. Says nothing of the cause, which stands in the server's log."""
    if is_api(request):
        return problem_response(
            500, "Something failed on the server, not in your request. Its log says what."
        )
    return defaults.server_error(request)
