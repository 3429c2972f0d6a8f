"""Say how long a body is that came in chunks, without an announced length.

By then the server has received all of it, into memory or a temporary file. But Django REST
framework takes a request without Content-Length for one without a body, and would answer that
every field is missing.
"""

from __future__ import annotations

import io
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware


@sync_and_async_middleware
def announce_body_length(get_response: Any) -> Any:
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponse:
            announce(request)
            return await get_response(request)

    else:

        def middleware(request: HttpRequest) -> HttpResponse:
            announce(request)
            return get_response(request)

    return middleware


def announce(request: HttpRequest) -> None:
    if isinstance(request, ASGIRequest) and not request.META.get("CONTENT_LENGTH"):
        body = request._stream
        length = body.seek(0, io.SEEK_END)
        body.seek(0)
        if length:
            request.META["CONTENT_LENGTH"] = str(length)
