"""Which databases have stored files here: each leaves a mark, an empty file.

A file without a row in our database may have one in another: so does every file of the store
where the platform was started with another DATABASE_URL and the same folder.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import connection


def mark() -> None:
    """Note that our rows name files of this store."""
    ours = folder() / name()
    if not ours.exists():
        ours.parent.mkdir(parents=True, exist_ok=True)
        ours.touch()


def others() -> list[str]:
    """Names of the other databases that have stored files here."""
    mark()
    ours = name()
    return sorted(path.name for path in folder().iterdir() if path.name != ours)


def name() -> str:
    """Of our database: when its first table was made. It keeps that through backups and moves."""
    with connection.cursor() as cursor:
        # To the microsecond, so no two databases share it.
        cursor.execute("SELECT min(applied) FROM django_migrations")
        (began_at,) = cursor.fetchone()
    return f"{began_at:%Y%m%dT%H%M%S.%fZ}"


def folder() -> Path:
    return Path(settings.ARTIFACT_DIR) / "databases"
