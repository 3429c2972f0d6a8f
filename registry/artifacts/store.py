"""Files and the rows that name them by the sha256 of their bytes: whole or absent, never changed.

A file is written under a temporary name, flushed to the disk and renamed before any row names it.
So a row always has its file; a crash can only leave a file without a row, which harms nobody and
which `manage.py verify` reports.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

from django.db import connection, transaction
from django.db.models import ProtectedError
from django.db.utils import IntegrityError

from registry.artifacts import databases, disk
from registry.artifacts.errors import ArtifactDamagedError
from registry.artifacts.models import Artifact


def store_file(
    path_or_bytes: Path | str | bytes, media_type: str, *, move: bool = False
) -> Artifact:
    """Keep a file. Storing the same bytes again, even at the same time, gives the same row.

    A stored file that was damaged is mended by this, since the good bytes replace it.

    Args:
        move: take the file itself instead of a copy, where it lies on the store's file system.
            It is gone from its place once it is stored; after an error it is still there.

    Raises: ArtifactTooLargeError; OSError when the disk is full or cannot be written.
    """
    temporary = disk.temporary_path()
    try:
        if move and disk.link(Path(path_or_bytes), temporary):
            digest, size_bytes = disk.flush_and_hash(temporary)
        else:
            digest, size_bytes = disk.write(path_or_bytes, temporary)
        with transaction.atomic():
            _lock(digest)
            databases.mark()
            # The file's time says when its bytes were last stored; `_stored_again` asks for it.
            # Of this process's clock, as the row's time is: the file system's may lag behind it.
            now = time.time_ns()
            os.utime(temporary, ns=(now, now))
            disk.move_into_place(temporary, disk.path_of(digest))
            artifact, _ = Artifact.objects.get_or_create(
                sha256=digest, defaults={"size_bytes": size_bytes, "media_type": media_type}
            )
        if move:
            Path(path_or_bytes).unlink(missing_ok=True)
        return artifact
    finally:
        temporary.unlink(missing_ok=True)


def open_artifact(artifact: Artifact) -> bytes:
    """The bytes of a stored file, checked against their hash.

    Raises: ArtifactDamagedError.
    """
    path = disk.path_of(artifact.sha256)
    try:
        with path.open("rb") as file:
            # The size is compared before memory is taken for the content.
            _check_size(artifact, os.fstat(file.fileno()).st_size)
            content = file.read(artifact.size_bytes + 1)
    except OSError as error:
        raise _missing(artifact, error) from error
    found = hashlib.sha256(content).hexdigest()
    if found != artifact.sha256:
        raise _changed(artifact, found)
    return content


def artifact_path(artifact: Artifact, *, verify: bool = False) -> Path:
    """Where the file lies. With `verify` its bytes are read and checked first.

    Raises: ArtifactDamagedError, without `verify` only if the file is missing or of other size.
    """
    path = disk.path_of(artifact.sha256)
    if verify:
        open_verified(artifact).close()
        return path
    try:
        _check_size(artifact, path.stat().st_size)
    except OSError as error:
        raise _missing(artifact, error) from error
    return path


def open_verified(artifact: Artifact) -> BinaryIO:
    """The stored file, open at its beginning after its bytes were read and checked.

    However large it is, a small part of it is in memory. The caller closes it; whoever puts
    another file in its place meanwhile changes nothing of this one.

    Raises: ArtifactDamagedError.
    """
    try:
        with ExitStack() as cleanup:
            file = cleanup.enter_context(disk.path_of(artifact.sha256).open("rb"))
            _check_size(artifact, os.fstat(file.fileno()).st_size)
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != artifact.sha256:
                raise _changed(artifact, found)
            file.seek(0)
            cleanup.pop_all()
            return file
    except OSError as error:
        raise _missing(artifact, error) from error


def discard_unreferenced(
    digests: Iterable[str], *, untouched_for: timedelta = disk.ABANDONED_AFTER
) -> list[str]:
    """Remove rows and files that nothing points at any more; what is still used stays.

    The row goes first, and the file once the row is gone for good: a crash in between leaves a
    file without a row, never a row without its file.

    Args:
        untouched_for: of bytes that were stored more than once. Whoever stored them last got the
            old row and may be about to point at it, so they stay for so long after that.

    Returns: the digests whose rows were removed.
    """
    removed = [digest for digest in digests if _delete_row(digest, untouched_for)]
    transaction.on_commit(partial(_unlink_all, removed))
    return removed


def remove_stray(path: Path | str) -> bool:
    """Remove a file of the store that has no row.

    Returns: False if it got one meanwhile, or somebody else has removed it.
    """
    path = Path(path)
    if not path.is_relative_to(disk.root() / "sha256"):
        raise ValueError(f"{path} does not lie in the store")
    with transaction.atomic():
        if len(path.name) == 64 and path == disk.path_of(path.name):
            _lock(path.name)
            if Artifact.objects.filter(sha256=path.name).exists():
                return False
        try:
            path.unlink()
        except FileNotFoundError:
            return False
    return True


def _lock(digest: str) -> None:
    """Until the transaction ends, nobody else stores or discards a file of this digest."""
    key = int.from_bytes(hashlib.sha256(digest.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def _delete_row(digest: str, untouched_for: timedelta) -> bool:
    try:
        with transaction.atomic():
            _lock(digest)
            if _stored_again(digest, untouched_for):
                return False
            with connection.cursor() as cursor:
                # The trigger on this table refuses every deletion that is not announced.
                cursor.execute("SET LOCAL hamlet.discarding = 'on'")
            deleted, _ = Artifact.objects.filter(sha256=digest).delete()
    except (ProtectedError, IntegrityError):
        return False  # still used
    return deleted > 0


def _stored_again(digest: str, lately: timedelta) -> bool:
    """Whether these bytes were stored anew after their row was made, and that not long ago."""
    row = Artifact.objects.filter(sha256=digest).first()
    try:
        touched_at = disk.path_of(digest).stat().st_mtime
    except FileNotFoundError:
        return False
    if row is None or touched_at <= row.created_at.timestamp():
        return False
    return touched_at > time.time() - lately.total_seconds()


def _unlink_all(digests: list[str]) -> None:
    for digest in digests:
        with transaction.atomic():
            _lock(digest)
            # Somebody may have stored the same bytes again since; then the file is theirs.
            if not Artifact.objects.filter(sha256=digest).exists():
                disk.path_of(digest).unlink(missing_ok=True)


def _check_size(artifact: Artifact, found: int) -> None:
    if found != artifact.size_bytes:
        raise ArtifactDamagedError(
            f"artifact {artifact.sha256[:12]} has {found} bytes on the disk; {artifact.size_bytes} "
            "were stored. Restore it from a backup; `manage.py verify` lists all damage."
        )


def _changed(artifact: Artifact, found: str) -> ArtifactDamagedError:
    return ArtifactDamagedError(
        f"artifact {artifact.sha256[:12]} now hashes to {found[:12]}: its bytes have changed on "
        "the disk. Restore it from a backup; `manage.py verify` lists all damage."
    )


def _missing(artifact: Artifact, error: OSError) -> ArtifactDamagedError:
    return ArtifactDamagedError(
        f"artifact {artifact.sha256[:12]} cannot be read ({error.strerror or error}). Restore it "
        "from a backup; `manage.py verify` lists all damage."
    )
