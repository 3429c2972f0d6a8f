"""Folders that hold all of what was to be written into them, or do not exist."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hamlet.datasets.errors import DatasetError
from hamlet.durability import sync_directory


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A folder to work in, which takes the name of `folder` once all is written.

    Raises: DatasetError if there is such a folder already.
    """
    if folder.exists():
        raise DatasetError(f"{folder.name}: exists already; a dataset is built into a new folder")
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield work
        os.replace(work, folder)
        sync_directory(folder.parent)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
