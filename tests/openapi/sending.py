"""Send the example of an operation to the server as its address says, and undo what it did."""

from __future__ import annotations

import io
import json
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from tests.registry.checkpoints import checkpoint_bytes

JSON = "application/json"


def send(
    client: Client, method: str, url: str, sent: Any = None, media_type: str = JSON
) -> HttpResponse:
    """Args: sent: the body: data, or bytes as they are; of a form its fields, files by name."""
    with transaction.atomic():
        if media_type == "multipart/form-data":
            response = client.generic(method, url, *as_form(client, sent))
        else:
            content = sent if isinstance(sent, bytes) else json.dumps(sent)
            kept = {} if sent is None else {"data": content, "content_type": media_type}
            response = client.generic(method, url, **kept)
        transaction.set_rollback(True)
    return response


def body_of(response: HttpResponse) -> bytes:
    return b"".join(response) if response.streaming else response.content


def as_form(client: Client, fields: dict[str, Any]) -> tuple[bytes, str]:
    from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

    file = io.BytesIO(checkpoint_bytes())
    file.name = fields["file"]
    return encode_multipart(BOUNDARY, {**fields, "file": file}), MULTIPART_CONTENT


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of all that is described."""
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]
