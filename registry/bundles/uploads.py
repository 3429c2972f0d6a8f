"""A bundle on its way in or out of the web process: a file beside the store, never in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from hamlet.errors import Problem, SpecError
from registry.accounts.models import Classroom, User
from registry.accounts.queries import taught_classrooms
from registry.artifacts import disk
from registry.artifacts.disk import CHUNK_BYTES
from registry.artifacts.errors import ArtifactTooLargeError
from registry.bundles import services
from registry.bundles.errors import BundleError
from registry.bundles.restoring import Imported
from registry.models import ModelVersion, RegisteredModel

MEDIA_TYPE = "application/zip"


@contextmanager
def received(stream: BinaryIO) -> Iterator[Path]:
    """What a request brings, in a file that goes when this is left.

    Raises: ArtifactTooLargeError as soon as more came than an upload may have.
    """
    path = disk.temporary_path()
    try:
        read = 0
        with path.open("xb") as file:
            while chunk := stream.read(CHUNK_BYTES):
                read += len(chunk)
                if read > settings.UPLOAD_MAX_BYTES:
                    raise ArtifactTooLargeError(
                        f"the bundle is larger than {settings.UPLOAD_MAX_BYTES} bytes, the most "
                        "that is taken. Export fewer models at a time."
                    )
                file.write(chunk)
        if not read:
            raise BundleError(f"the body is empty; send the bundle as {MEDIA_TYPE}")
        yield path
    finally:
        path.unlink(missing_ok=True)


def written(chosen: list[RegisteredModel | ModelVersion], user: User) -> tuple[BinaryIO, int]:
    """A fresh bundle, open for reading and already without a name. Returns: (file, bytes)."""
    path = disk.temporary_path()
    try:
        services.export_bundle(chosen, path, user)
        return path.open("rb"), path.stat().st_size
    finally:
        path.unlink(missing_ok=True)


def find_classroom(user: User, text: str) -> Classroom | None:
    """The class with this number, if the user teaches it. Raises: SpecError."""
    if not text:
        return None
    known = text.isascii() and text.isdigit() and len(text) < 10
    found = taught_classrooms(user).filter(pk=int(text)).first() if known else None
    if found is None:
        message = f"found {text[:60]!r}; expected the number of a class that you teach"
        raise SpecError([Problem("classroom", message)])
    return found


def read_rename(texts: list[str]) -> dict[str, str]:
    """`old:new` of each. Raises: SpecError."""
    renamed: dict[str, str] = {}
    for text in texts:
        old, colon, new = text.partition(":")
        if not colon or not old or not new or old in renamed:
            message = f"found {text[:80]!r}; expected old:new, each old name once"
            raise SpecError([Problem("rename", message)])
        renamed[old] = new
    return renamed


def imported_data(imported: Imported) -> Mapping[str, Any]:
    return {
        "changed": imported.changed,
        "models": imported.models,
        "versions": imported.versions,
        "alias_moves": imported.moves,
        "unchanged": imported.unchanged,
        "notes": imported.notes,
    }
