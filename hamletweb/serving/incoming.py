"""Requests as ASGI brings them: the few headers that count, and a body within its bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from rest_framework.exceptions import APIException

from hamletweb.serving.deadlines import Deadlines
from hamletweb.serving.memory import BODY_FACTOR, Flight
from hamletweb.serving.steps import ClientLeftError
from registry.bodies import BodyTooLargeError
from registry.serving.bodies import unpack

Receive = Callable[[], Awaitable[dict[str, Any]]]

# One that is told too early loses the answer: see hamletweb/bounded_daphne.py.
MOST_DISCARDED_BYTES = 16 * 1024 * 1024
LONGEST_DISCARDING_S = 5.0


class TooSlowError(APIException):
    status_code = 408


@dataclass(slots=True)
class Headers:
    """Those that this application reads; empty where a request has none."""

    authorization: bytes = b""
    content_type: bytes = b""
    content_length: bytes = b""
    content_encoding: bytes = b""
    cookie: bytes = b""
    x_forwarded_proto: bytes = b""
    x_request_id: bytes = b""
    inference_header_content_length: bytes = b""


FIELDS = {name.replace("_", "-").encode(): name for name in Headers.__slots__}


def read_headers(scope: dict[str, Any]) -> Headers:
    headers = Headers()
    for name, value in scope["headers"]:
        field = FIELDS.get(name)
        if field is not None:
            setattr(headers, field, value)
    return headers


class Body:
    """The body of one request, and the memory it takes until `done`."""

    __slots__ = ("_deadlines", "_flight", "_taken", "content")

    def __init__(self, flight: Flight, deadlines: Deadlines) -> None:
        self._flight, self._deadlines = flight, deadlines
        self._taken = 0
        self.content = b""

    async def read(self, receive: Receive, headers: Headers) -> None:
        """Raises: BodyTooLargeError, TooSlowError, TooBusyError, ClientLeftError, and for a packed
        body what `unpack` raises."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        announced = headers.content_length
        length = int(announced) if announced.isdigit() and len(announced) < 20 else 0
        if length > limit:
            raise await _too_large(receive, length, limit)
        try:
            await self._deadlines.bound(self._gather(receive, limit))
        except TimeoutError:
            raise TooSlowError(
                f"The body was not there after {self._deadlines.after_s:.0f} s. "
                "Send it faster, or less."
            ) from None
        if headers.content_encoding:
            packed = len(self.content)
            encoding = headers.content_encoding.decode("latin-1")
            self.content = unpack(self.content, encoding, limit)
            self._take(len(self.content) - packed)

    def done(self) -> None:
        self._flight.give_back(self._taken)
        self._taken = 0

    async def _gather(self, receive: Receive, limit: int) -> None:
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientLeftError
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise await _too_large(receive, size, limit)
            self._take(len(part))
            parts.append(part)
            if not message.get("more_body", False):
                break
        self.content = parts[0] if len(parts) == 1 else b"".join(parts)

    def _take(self, size: int) -> None:
        size = max(size, 0) * BODY_FACTOR
        self._flight.take(size)
        self._taken += size


async def _too_large(receive: Receive, found: int, limit: int) -> BodyTooLargeError:
    """The refusal, after what a client needs to hear it: some more of its body is thrown away."""
    discarded = 0
    try:
        async with asyncio.timeout(LONGEST_DISCARDING_S):
            while discarded < MOST_DISCARDED_BYTES and found <= limit + MOST_DISCARDED_BYTES:
                message = await receive()
                discarded += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    break
    except TimeoutError:
        pass
    return BodyTooLargeError(
        f"The body has more than {limit} bytes, the most that is taken. Send it in smaller parts."
    )
