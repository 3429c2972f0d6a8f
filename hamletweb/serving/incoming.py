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
from registry.bodies import BodyTooLargeError
from registry.serving.bodies import unpack

Receive = Callable[[], Awaitable[dict[str, Any]]]
Compute = Callable[[Callable[[], bytes]], Awaitable[bytes]]

# One that is told too early loses the answer: see hamletweb/bounded_daphne.py.
MOST_DISCARDED_BYTES = 16 * 1024 * 1024
LONGEST_DISCARDING_S = 5.0


class ClientLeftError(Exception):
    """Nobody waits for the answer any more."""


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
    """The body of one request, and the bytes of memory `taken` for it until `done`."""

    __slots__ = ("_deadlines", "_flight", "content", "taken")

    def __init__(self, flight: Flight, deadlines: Deadlines) -> None:
        self._flight, self._deadlines = flight, deadlines
        self.taken = 0
        self.content = b""

    async def read(self, receive: Receive, headers: Headers, compute: Compute) -> None:
        """Raises: BodyTooLargeError, TooSlowError, TooBusyError, ClientLeftError, and for a packed
        body what `unpack` raises."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        announced = headers.content_length
        length = int(announced) if announced.isdigit() and len(announced) < 20 else 0
        if length > limit:
            await _discard(receive, length, limit)
            raise _too_large(limit)
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
            # A few bytes may be many, so this is never done here and now.
            packed_content = self.content
            self.content = await compute(lambda: unpack(packed_content, encoding, limit))
            self._take(len(self.content) - packed)

    def done(self) -> None:
        self._flight.give_back(self.taken)
        self.taken = 0

    async def _gather(self, receive: Receive, limit: int) -> None:
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientLeftError
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                if message.get("more_body", False):
                    await _discard(receive, size, limit)
                raise _too_large(limit)
            self._take(len(part))
            parts.append(part)
            if not message.get("more_body", False):
                break
        self.content = parts[0] if len(parts) == 1 else b"".join(parts)

    def _take(self, size: int) -> None:
        size = max(size, 0) * BODY_FACTOR
        self._flight.take(size, own=self.taken)
        self.taken += size


async def _discard(receive: Receive, found: int, limit: int) -> None:
    """What a client needs to hear its refusal: some more of its body is thrown away."""
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


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"The body has more than {limit} bytes, the most that is taken. Send it in smaller parts."
    )
