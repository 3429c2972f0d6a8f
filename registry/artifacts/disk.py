"""Where the files lie and how their bytes get there. Knows nothing of rows; `store` keeps both.

<ARTIFACT_DIR>/sha256/ab/cd/abcd...     a stored file, named by the sha256 of its bytes
<ARTIFACT_DIR>/tmp/...                  a file on its way; a crash may leave one behind
<ARTIFACT_DIR>/databases/...            marks of the databases whose rows name the files
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from hamlet.durability import sync_directory
from registry.artifacts.errors import ArtifactTooLargeError

CHUNK_BYTES = 1024 * 1024
ABANDONED_AFTER = timedelta(hours=24)


def root() -> Path:
    return Path(settings.ARTIFACT_DIR)


def path_of(digest: str) -> Path:
    # Two levels of 256 folders keep every folder small at millions of files.
    return root() / "sha256" / digest[:2] / digest[2:4] / digest


def stored_files() -> Iterator[Path]:
    """Every file below the store, wherever its name says it should be or not."""
    for folder, _, names in os.walk(root() / "sha256"):
        for name in names:
            yield Path(folder) / name


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


def temporary_path() -> Path:
    """A name that nothing has yet, on the file system of the store."""
    folder = root() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / uuid.uuid4().hex


def link(source: Path, temporary: Path) -> bool:
    """Give the file a second name in the store. False where its file system cannot."""
    try:
        os.link(source, temporary, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:
        return False
    return temporary.is_file() and not temporary.is_symlink()


def flush_and_hash(path: Path) -> tuple[str, int]:
    """Of a file that is complete. Returns: (sha256 in hex, size in bytes)."""
    with path.open("r+b") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes > settings.ARTIFACT_MAX_BYTES:
            raise _too_large()
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return digest, size_bytes


def write(path_or_bytes: Path | str | bytes, path: Path) -> tuple[str, int]:
    """Write, hash and flush to the disk. Returns: (sha256 in hex, size in bytes)."""
    limit = settings.ARTIFACT_MAX_BYTES
    digest, size_bytes = hashlib.sha256(), 0
    with path.open("xb") as file:
        for chunk in _chunks(path_or_bytes):
            size_bytes += len(chunk)
            if size_bytes > limit:
                raise _too_large()
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size_bytes


def _chunks(path_or_bytes: Path | str | bytes) -> Iterator[bytes]:
    if isinstance(path_or_bytes, bytes):
        yield path_or_bytes
        return
    with Path(path_or_bytes).open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def move_into_place(temporary: Path, target: Path) -> None:
    """Rename, in one step and for good: from here on it survives a power cut."""
    made = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(temporary, target)
    # A rename is for good once its folder is flushed, and a new folder once its parent is.
    for folder in dict.fromkeys([target.parent, *(folder.parent for folder in made)]):
        sync_directory(folder)


def _too_large() -> ArtifactTooLargeError:
    return ArtifactTooLargeError(
        f"the file is larger than {settings.ARTIFACT_MAX_BYTES} bytes, the most the store takes. "
        "Make it smaller, or raise HAMLET_ARTIFACT_MAX_BYTES."
    )
