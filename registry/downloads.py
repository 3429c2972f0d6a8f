"""Taking a version home: its inference checkpoint, with the hash by which to know it again."""

from __future__ import annotations

import base64
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponseBase,
    HttpResponseNotModified,
    StreamingHttpResponse,
)

from registry.artifacts.disk import CHUNK_BYTES
from registry.artifacts.store import open_verified
from registry.models import Artifact, ModelVersion

SUFFIXES = {"hamlet": ".safetensors", "onnx": ".onnx", "torchscript": ".pt"}


def file_name(version: ModelVersion) -> str:
    return export_name(version, version.format)


def export_name(version: ModelVersion, form: str) -> str:
    # A model's name is a slug, so the file's name can stand in a header and on any disk.
    return f"{version.model.name}-{version.number}{SUFFIXES[form]}"


def send_checkpoint(request: HttpRequest, version: ModelVersion) -> HttpResponseBase:
    """The file of a version. Raises: ArtifactDamagedError."""
    return send_artifact(request, version.artifact, file_name(version))


def send_artifact(request: HttpRequest, artifact: Artifact, name: str) -> HttpResponseBase:
    """A stored file under a name, piece by piece; the file whose hash was checked leaves.

    Args:
        name: of the file; it stands in a header, so give no text of people.
    Raises: ArtifactDamagedError.
    """
    etag = f'"{artifact.pk}"'
    asked = [tag.strip() for tag in request.META.get("HTTP_IF_NONE_MATCH", "").split(",")]
    if etag in asked or f"W/{etag}" in asked:
        response: HttpResponseBase = HttpResponseNotModified()
    else:
        response = stream(request, open_verified(artifact), artifact.media_type)
        response.headers["Content-Length"] = str(artifact.size_bytes)
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        digest = base64.b64encode(bytes.fromhex(artifact.pk)).decode()
        response.headers["Repr-Digest"] = f"sha-256=:{digest}:"
        response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def stream(request: HttpRequest, file: BinaryIO, media_type: str) -> StreamingHttpResponse:
    """A response that reads the file as it leaves, and closes it."""
    # Django REST framework wraps the request of Django.
    if isinstance(getattr(request, "_request", request), ASGIRequest):
        return StreamingHttpResponse(AsyncPieces(file), content_type=media_type)
    return FileResponse(file, content_type=media_type)


class AsyncPieces:
    """A file for the asynchronous server, which reads a FileResponse into memory as a whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __aiter__(self) -> AsyncPieces:
        return self

    async def __anext__(self) -> bytes:
        piece = await sync_to_async(self._file.read, thread_sensitive=False)(CHUNK_BYTES)
        if not piece:
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        """Django calls it when the response has left, or the client has."""
        self._file.close()
