"""The files themselves: named by the sha256 of their bytes, whole or absent, never changed.

    <ARTIFACT_DIR>/sha256/ab/cd/abcd...     a stored file
    <ARTIFACT_DIR>/tmp/...                  a file on its way; a crash may leave one behind
    <ARTIFACT_DIR>/databases/...            marks of the databases whose rows name the files

A file is written under a temporary name, flushed to the disk and renamed before any row names it.
So a row always has its file; a crash can only leave a file without a row, which harms nobody and
which `manage.py verify` reports.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import connection, transaction
from django.db.models import ProtectedError
from django.db.utils import IntegrityError

from registry.artifacts import databases
from registry.artifacts.errors import ArtifactDamagedError, ArtifactTooLargeError
from registry.artifacts.models import Artifact

CHUNK_BYTES = 1024 * 1024
ABANDONED_AFTER = timedelta(hours=24)


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
    temporary = _temporary_path()
    try:
        if move and _linked(Path(path_or_bytes), temporary):
            digest, size_bytes = _flush_and_hash(temporary)
        else:
            digest, size_bytes = _write(_chunks(path_or_bytes), temporary)
        with transaction.atomic():
            _lock(digest)
            databases.mark()
            # The file's time says when its bytes were last stored; `_stored_again` asks for it.
            # Of this process's clock, as the row's time is: the file system's may lag behind it.
            now = time.time_ns()
            os.utime(temporary, ns=(now, now))
            _move_into_place(temporary, path_of(digest))
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
    path = path_of(artifact.sha256)
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
    path = path_of(artifact.sha256)
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
            file = cleanup.enter_context(path_of(artifact.sha256).open("rb"))
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
    digests: Iterable[str], *, untouched_for: timedelta = ABANDONED_AFTER
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


def path_of(digest: str) -> Path:
    # Two levels of 256 folders keep every folder small at millions of files.
    return root() / "sha256" / digest[:2] / digest[2:4] / digest


def root() -> Path:
    return Path(settings.ARTIFACT_DIR)


def stored_files() -> Iterator[Path]:
    """Every file below the store, wherever its name says it should be or not."""
    for folder, _, names in os.walk(root() / "sha256"):
        for name in names:
            yield Path(folder) / name


def remove_stray(path: Path | str) -> bool:
    """Remove a file of the store that has no row.

    Returns: False if it got one meanwhile, or somebody else has removed it.
    """
    path = Path(path)
    if not path.is_relative_to(root() / "sha256"):
        raise ValueError(f"{path} does not lie in the store")
    with transaction.atomic():
        if len(path.name) == 64 and path == path_of(path.name):
            _lock(path.name)
            if Artifact.objects.filter(sha256=path.name).exists():
                return False
        try:
            path.unlink()
        except FileNotFoundError:
            return False
    return True


def clean_abandoned(older_than: timedelta = ABANDONED_AFTER) -> int:
    """Remove temporary files that a crash left behind. Returns: how many."""
    before = time.time() - older_than.total_seconds()
    removed = 0
    for path in (root() / "tmp").glob("*"):
        try:
            if path.stat().st_mtime < before:
                path.unlink()
                removed += 1
        except FileNotFoundError:
            continue  # its writer finished in this moment
    return removed


def _temporary_path() -> Path:
    folder = root() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / uuid.uuid4().hex


def _linked(source: Path, temporary: Path) -> bool:
    """Give the file a second name in the store. False where its file system cannot."""
    try:
        os.link(source, temporary, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:
        return False
    return temporary.is_file() and not temporary.is_symlink()


def _flush_and_hash(path: Path) -> tuple[str, int]:
    """Of a file that is complete. Returns: (sha256 in hex, size in bytes)."""
    with path.open("r+b") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes > settings.ARTIFACT_MAX_BYTES:
            raise _too_large()
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return digest, size_bytes


def _chunks(path_or_bytes: Path | str | bytes) -> Iterator[bytes]:
    if isinstance(path_or_bytes, bytes):
        yield path_or_bytes
        return
    with Path(path_or_bytes).open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _write(chunks: Iterator[bytes], path: Path) -> tuple[str, int]:
    """Write, hash and flush to the disk. Returns: (sha256 in hex, size in bytes)."""
    limit = settings.ARTIFACT_MAX_BYTES
    digest, size_bytes = hashlib.sha256(), 0
    with path.open("xb") as file:
        for chunk in chunks:
            size_bytes += len(chunk)
            if size_bytes > limit:
                raise _too_large()
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size_bytes


def _move_into_place(temporary: Path, target: Path) -> None:
    made = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(temporary, target)
    # A rename survives a power cut once its folder is flushed, and a new folder its parent.
    for folder in dict.fromkeys([target.parent, *(folder.parent for folder in made)]):
        _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
        touched_at = path_of(digest).stat().st_mtime
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
                path_of(digest).unlink(missing_ok=True)


def _too_large() -> ArtifactTooLargeError:
    return ArtifactTooLargeError(
        f"the file is larger than {settings.ARTIFACT_MAX_BYTES} bytes, the most the store takes. "
        "Make it smaller, or raise HAMLET_ARTIFACT_MAX_BYTES."
    )


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
