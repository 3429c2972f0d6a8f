"""Taking a version home: its inference checkpoint, with the hash by which to know it again."""

from __future__ import annotations

import base64

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from registry.artifacts.store import open_artifact
from registry.models import ModelVersion

MEDIA_TYPE = "application/vnd.safetensors"


def file_name(version: ModelVersion) -> str:
    # A model's name is a slug, so the file's name can stand in a header and on any disk.
    return f"{version.model.name}-{version.number}.safetensors"


def send_checkpoint(request: HttpRequest, version: ModelVersion) -> HttpResponse:
    """The file of a version; exactly the bytes whose hash was checked leave.

    Raises: ArtifactDamagedError.
    """
    digest = version.artifact_id
    etag = f'"{digest}"'
    asked = [tag.strip() for tag in request.META.get("HTTP_IF_NONE_MATCH", "").split(",")]
    if etag in asked or f"W/{etag}" in asked:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(open_artifact(version.artifact), content_type=MEDIA_TYPE)
        response.headers["Content-Disposition"] = f'attachment; filename="{file_name(version)}"'
        encoded = base64.b64encode(bytes.fromhex(digest)).decode()
        response.headers["Repr-Digest"] = f"sha-256=:{encoded}:"
        response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response
