"""Taking a version home: its inference checkpoint, with the hash by which to know it again."""

from __future__ import annotations

import base64

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from registry.artifacts.store import open_artifact
from registry.models import Artifact, ModelVersion


def file_name(version: ModelVersion) -> str:
    # A model's name is a slug, so the file's name can stand in a header and on any disk.
    return f"{version.model.name}-{version.number}.safetensors"


def send_checkpoint(request: HttpRequest, version: ModelVersion) -> HttpResponse:
    """The file of a version. Raises: ArtifactDamagedError."""
    return send_artifact(request, version.artifact, file_name(version))


def send_artifact(request: HttpRequest, artifact: Artifact, name: str) -> HttpResponse:
    """A stored file under a name; exactly the bytes whose hash was checked leave.

    Args:
        name: of the file; it stands in a header, so give no text of people.
    Raises: ArtifactDamagedError.
    """
    etag = f'"{artifact.pk}"'
    asked = [tag.strip() for tag in request.META.get("HTTP_IF_NONE_MATCH", "").split(",")]
    if etag in asked or f"W/{etag}" in asked:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(open_artifact(artifact), content_type=artifact.media_type)
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        digest = base64.b64encode(bytes.fromhex(artifact.pk)).decode()
        response.headers["Repr-Digest"] = f"sha-256=:{digest}:"
        response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response
