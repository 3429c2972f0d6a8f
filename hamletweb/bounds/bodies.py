"""Refuse bodies that are longer than any route takes, before somebody keeps them.

`lengths.most_bytes` says how many bytes each takes; `hamletweb.bounded_daphne` asks it too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.http import HttpResponse

from hamletweb.bounds.answers import refusal, send_response
from hamletweb.bounds.lengths import most_bytes

Application = Callable[..., Awaitable[None]]


class BodyTooLongError(Exception):
    """More came than the bound allows; the application must not wait for the rest."""


def bound_bodies(application: Application) -> Application:
    """Wrap the ASGI application of HTTP: 413 by the announced length, or by what really comes."""

    async def bounded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        limit = most_bytes(scope["path"])
        if announced_length(scope) > limit:
            await send_response(send, too_long(scope["path"]))
            return
        seen = 0
        began = False

        async def counting_receive() -> dict[str, Any]:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise BodyTooLongError
            return message

        async def noting_send(message: dict[str, Any]) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await application(scope, counting_receive, noting_send)
        except BodyTooLongError:
            if began:
                raise
            await send_response(send, too_long(scope["path"]))

    return bounded


def announced_length(scope: dict[str, Any]) -> int:
    """Bytes by Content-Length; 0 where there is none, and what comes is counted."""
    text = dict(scope["headers"]).get(b"content-length", b"")
    return int(text) if text.isdigit() and len(text) < 20 else 0


def too_long(path: str) -> HttpResponse:
    limit = most_bytes(path)
    return refusal(
        path, 413, f"The body has more than {limit} bytes, the most that is taken. Send less."
    )
