"""How long a body may be, by the route it is for.

JSON and forms share one bound. What takes a file takes more, and writes it to disk piece by piece.
"""

from __future__ import annotations

import re

from django.conf import settings

TAKES_FILES = re.compile(
    r"/api/v1/models/[A-Za-z0-9_-]+/versions|/models/upload/|/admin/registry/modelversion/add/"
    r"|/api/v1/upload|/api/v1/bundles|/models/bundles/.*|/api/v1/(games|datasets)/import"
)


def most_bytes(path: str) -> int:
    """Args: path: of the address, without its query."""
    if TAKES_FILES.fullmatch(path):
        return settings.UPLOAD_MAX_BYTES
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE
