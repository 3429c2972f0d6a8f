"""Loops compiled to machine code, kept on disk between processes.

numba compiles at the first call with a type and keeps the result. Its own cache looks at the
file of the compiled function alone, so a change of a function that another file calls would go
unseen. Here the folder of the cache is named by the content of every compiled file of the
library, so that a change of any of them compiles anew.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

try:
    import numba
except ImportError as error:
    raise ModuleNotFoundError(
        'This part of hamlet is compiled by numba, which is missing. pip install "hamlet[games]"',
        name="numba",
    ) from error


def compiled(function: Function) -> Function:
    """Compile for the argument types of each first call; threads run it side by side."""
    return numba.njit(cache=True, nogil=True)(function)


def _cache_folder() -> Path:
    """Of the first place that may be written: numba's own setting, the user's cache, a
    temporary folder of this user."""
    library = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(library.rglob("*.py")):
        source = path.read_bytes()
        if b"hamlet.compiled" in source:
            digest.update(path.relative_to(library).as_posix().encode() + b"\0" + source)
    name = f"hamlet-{digest.hexdigest()[:16]}"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    if _may_write(home / "numba"):
        return home / "numba" / name
    return _temporary_folder() / name


def _temporary_folder() -> Path:
    """What lies in the cache is run, so a folder into which others may write is not used: then this
    process alone has one, and compiles anew."""
    folder = Path(tempfile.gettempdir()) / f"numba-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="numba-"))
    private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o022
    if private and found.st_uid == os.getuid():
        return folder
    return Path(tempfile.mkdtemp(prefix="numba-"))


def _may_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(_cache_folder())
