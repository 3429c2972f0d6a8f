"""How the API says no: RFC 9457 problem+json with what was found, what was expected, what to do.

    {"type": "urn:hamlet:problem:invalid", "title": "Unprocessable Content", "status": 422,
     "detail": "...", "errors": [{"path": "inputs.observation", "message": "found ..."}]}

Also the reader of JSON bodies, which refuses everything two programs could read differently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import set_rollback

from hamlet.errors import CheckpointError, Problem, ShapeError, SpecError
from registry.accounts.errors import AccountError, ThrottleUnavailableError, TooManyAttemptsError
from registry.artifacts.errors import ArtifactDamagedError, ArtifactTooLargeError
from registry.errors import (
    ConflictError,
    NotChangeableError,
    OverloadedError,
    RegistryError,
    VersionNotFoundError,
)

MEDIA_TYPE = "application/problem+json"
MAX_DEPTH = 64
KINDS = {
    400: "malformed",
    401: "not-authenticated",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    429: "too-many-requests",
    500: "internal",
    503: "unavailable",
}
TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}  # RFC 9110's words


class MalformedBodyError(exceptions.ParseError):
    """The body is not one strict JSON document."""


class BodyTooLargeError(exceptions.APIException):
    status_code = 413


def problem_data(status: int, detail: str, errors: Sequence[Problem] = ()) -> dict[str, Any]:
    title = TITLES.get(status) or HTTPStatus(status).phrase
    data: dict[str, Any] = {
        "type": f"urn:hamlet:problem:{KINDS.get(status, 'error')}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if errors:
        data["errors"] = [{"path": error.path, "message": error.message} for error in errors]
    return data


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
    (OverloadedError, 503),
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


class ProblemJSONRenderer(JSONRenderer):
    """For the rare view that answers nothing but problems."""

    media_type = MEDIA_TYPE


# -- bodies ---------------------------------------------------------------------------------------

STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
# Only a number with such an exponent, or of so many digits, can leave the range of a float.
MAYBE_TOO_LARGE = re.compile(rb"[eE]\+?\d{3}|\d{309}")
MAYBE_UNPRINTABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class StrictJSONParser(BaseParser):
    """One JSON document that every program reads alike.

    Refused: NaN and Infinity, also by overflow; a key given twice; nesting deeper than 64; text
    that is not UTF-8 or holds NUL or half a surrogate pair; a body over
    `DATA_UPLOAD_MAX_MEMORY_SIZE`, before it is read.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        request = (parser_context or {}).get("request")
        announced = request.META.get("CONTENT_LENGTH") if request is not None else None
        if announced and announced.isdigit() and int(announced) > limit:
            raise _too_large(int(announced), limit)
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise _too_large(len(body), limit)
        return read_json(body)


def _too_large(found: int, limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"The body has {found} bytes; at most {limit} are taken. Send it in smaller parts."
    )


def read_json(body: bytes) -> Any:
    """Raises: MalformedBodyError saying where and why."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"Not UTF-8 at byte {error.start}.") from None
    _check_depth(body)
    parse_float = _finite_float if MAYBE_TOO_LARGE.search(body) else None
    try:
        data = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=parse_float,
            object_pairs_hook=_distinct_keys,
        )
    except json.JSONDecodeError as error:
        raise MalformedBodyError(
            f"Not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        # Python refuses to read a whole number of more than 4,300 digits.
        raise MalformedBodyError("A number in the body has too many digits.") from None
    if MAYBE_UNPRINTABLE.search(body):
        _check_text(data)
    return data


def _check_depth(body: bytes) -> None:
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in STRINGS.sub(b"", body).translate(None, NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise _too_deep()


def _too_deep() -> MalformedBodyError:
    return MalformedBodyError(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _refuse_constant(name: str) -> Any:
    raise MalformedBodyError(f"{name} is not JSON; every number must be finite.")


def _finite_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise MalformedBodyError(f"{text[:40]} is too large for a number; it must be finite.")
    return value


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise MalformedBodyError(f"The key {twice[:60]!r} stands twice in one object.")
    return data


def _check_text(data: Any) -> None:
    text = json.dumps(data, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedBodyError("The body holds half of a surrogate pair.") from None
    if "\\u0000" in text:
        raise MalformedBodyError("The body holds a NUL character; send printable text.")


# -- answers outside of DRF -----------------------------------------------------------------------

API_PATHS = ("/api/", "/v1/", "/v2/")


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith(API_PATHS)


def problem_response(status: int, detail: str) -> JsonResponse:
    return JsonResponse(problem_data(status, detail), status=status, content_type=MEDIA_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400."""
    if is_api(request):
        return problem_response(400, "The request is malformed.")
    return defaults.bad_request(request, exception)


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
