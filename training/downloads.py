"""Files of a run to take home, with the hash by which to know them again."""

from __future__ import annotations

import base64

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from registry.artifacts.store import open_artifact
from registry.checkpoints import MEDIA_TYPE
from registry.models import Artifact


def send_artifact(request: HttpRequest, artifact: Artifact, name: str) -> HttpResponse:
    """A stored safetensors file; exactly the bytes whose hash was checked leave.

    Args:
        name: of the file, without ending; it stands in a header, so give no text of people.
    Raises: ArtifactDamagedError.
    """
    etag = f'"{artifact.pk}"'
    asked = [tag.strip() for tag in request.META.get("HTTP_IF_NONE_MATCH", "").split(",")]
    if etag in asked or f"W/{etag}" in asked:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(open_artifact(artifact), content_type=MEDIA_TYPE)
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.safetensors"'
        digest = base64.b64encode(bytes.fromhex(artifact.pk)).decode()
        response.headers["Repr-Digest"] = f"sha-256=:{digest}:"
        response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response
