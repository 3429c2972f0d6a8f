"""Files on their way into the platform and out of it: piece by piece, never in memory whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from rest_framework.parsers import BaseParser

from hamlet.errors import Problem, SpecError
from registry.artifacts import disk
from registry.artifacts.disk import CHUNK_BYTES
from registry.artifacts.errors import ArtifactTooLargeError


class UnreadBody:
    """A body that nobody has read yet."""

    def __init__(self, stream: Any) -> None:
        self.read = stream.read


class _Unread(BaseParser):
    """Hands the body on unread: the view reads it piece by piece."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return UnreadBody(stream)


class JSONLines(_Unread):
    media_type = "application/x-ndjson"


class CSV(_Unread):
    media_type = "text/csv"


FORMAT_OF = {JSONLines.media_type: "json", CSV.media_type: "csv"}


@contextmanager
def received(body: Any) -> Iterator[Path]:
    """What a request brings, in a file that goes when this is left, unless it was moved away.

    Raises: ArtifactTooLargeError as soon as more came than an upload may have; SpecError for an
        empty body.
    """
    path = disk.temporary_path()
    try:
        read = 0
        with path.open("xb") as file:
            while isinstance(body, UnreadBody) and (chunk := body.read(CHUNK_BYTES)):
                read += len(chunk)
                if read > settings.UPLOAD_MAX_BYTES:
                    raise ArtifactTooLargeError(
                        f"the file is larger than {settings.UPLOAD_MAX_BYTES} bytes, the most that "
                        "is taken. Send it in parts."
                    )
                file.write(chunk)
        if not read:
            message = "found an empty body; expected a file, one example or game in a line"
            raise SpecError([Problem("(document)", message)])
        yield path
    finally:
        path.unlink(missing_ok=True)


def streamed(
    request: HttpRequest, pieces: Iterator[bytes], media_type: str, name: str
) -> StreamingHttpResponse:
    """A download. Args: name: of the file; it stands in a header, so give no text of people."""
    # Django REST framework wraps the request of Django.
    is_async = isinstance(getattr(request, "_request", request), ASGIRequest)
    response = StreamingHttpResponse(later(pieces) if is_async else pieces, content_type=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-cache"
    return response


async def later(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same, for the asynchronous server, which reads a plain iterator into memory whole."""
    done = object()
    while (piece := await sync_to_async(next, thread_sensitive=False)(pieces, done)) is not done:
        yield piece
