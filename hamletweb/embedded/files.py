"""Directories and files that nobody else may read, and locks that die with their holder."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from typing import IO

from hamletweb.embedded.account import Account
from hamletweb.embedded.errors import AlreadyHeldError, EmbeddedServerError


def make_private_directory(path: Path, account: Account) -> None:
    """Make `path` (mode 0700) for an account, or check that what is there can be trusted.

    Raises: EmbeddedServerError if it is a link, no directory, or belongs to somebody else: what
        another user planted there would be run or read as ours.
    """
    try:
        path.mkdir(mode=0o700)
        if account.differs:
            os.chown(path, account.uid, account.gid)
    except FileExistsError:
        pass
    except OSError as error:
        raise EmbeddedServerError(f"{path} cannot be made: {error.strerror}.") from error
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise EmbeddedServerError(
            f"{path} is not a directory of its own. Move it away; it is made again."
        )
    if found.st_uid != account.uid:
        raise EmbeddedServerError(
            f"{path} belongs to user {found.st_uid}, but its server runs as user {account.uid}. "
            "Start as the user who made it, or move it away."
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def hold_lock(path: Path, what: str) -> IO[str]:
    """Hold `path` until the returned file is closed or this process ends, however it ends.

    Raises: AlreadyHeldError if another process holds it; `what` says what that one is doing.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    file = open(descriptor, "r+", encoding="utf-8")  # noqa: SIM115 - open as long as it is held
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = file.read(20).strip() or "unknown"
        file.close()
        raise AlreadyHeldError(f"{what} (process {holder}).") from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
