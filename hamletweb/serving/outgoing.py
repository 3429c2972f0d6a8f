"""Replies over ASGI, and refusals in the words of the API that was asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import orjson
from django.conf import settings
from django.db import InterfaceError, OperationalError

from registry.problems import MEDIA_TYPE, handle, problem_data
from registry.serving.protocol.answers import Reply
from registry.serving.protocol.steps import error_reply

logger = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]

# A long answer goes out in parts, so that a slow reader makes us wait and not keep it all twice.
PART_BYTES = 256 * 1024
LONGEST_SENDING_S = 60.0
FIXED_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains; preload")
# After these the rest of what was sent may still come.
CLOSING = frozenset({408, 413})
KEPT_HEADERS = ("Retry-After", "WWW-Authenticate", "RateLimit", "RateLimit-Policy", "Allow")
LOST_DATABASE = "The database does not answer at this moment. Try again."
OUR_FAULT = "Something failed on the server, not in your request. Its log says what."


def refusal(error: Exception, *, protocol: bool) -> Reply:
    """What a request hears that cannot be answered.

    Args: protocol: whether it was asked in the Open Inference Protocol, which has words of its own.
    """
    response = handle(error, {})
    headers: dict[str, str] = {}
    if response is not None:
        status, problem = response.status_code, response.data
        headers = {
            name: response.headers[name] for name in KEPT_HEADERS if name in response.headers
        }
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("%s", error)
    elif isinstance(error, OperationalError | InterfaceError):
        status, problem = 503, problem_data(503, LOST_DATABASE)
        headers = {"Retry-After": "2"}
        logger.warning("no database: %s", error)
    else:
        status, problem = 500, problem_data(500, OUR_FAULT)
        logger.error("a request failed", exc_info=error)
    return problem_reply(status, problem, headers, protocol=protocol)


def problem_reply(
    status: int, problem: Any, headers: dict[str, str] | None = None, *, protocol: bool
) -> Reply:
    if protocol:
        reply = error_reply(status, problem)
    else:
        reply = Reply(orjson.dumps(problem), status, MEDIA_TYPE)
    reply.headers.update(headers or {})
    return reply


async def send_reply(send: Send, reply: Reply, request_id: str) -> None:
    headers = [
        (b"content-type", reply.content_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
        (b"x-request-id", request_id.encode()),
        *FIXED_HEADERS,
    ]
    if reply.headers:
        headers += [(name.lower().encode(), text.encode()) for name, text in reply.headers.items()]
    if settings.HTTPS:
        headers.append(HSTS)
    if reply.status in CLOSING:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if len(reply.body) <= PART_BYTES:
        await send({"type": "http.response.body", "body": reply.body})
        return
    async with asyncio.timeout(LONGEST_SENDING_S):
        for start in range(0, len(reply.body), PART_BYTES):
            part = reply.body[start : start + PART_BYTES]
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
