"""Bundles put together by somebody who means no good."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from registry.bundles import archive

Entry = tuple[zipfile.ZipInfo | str, bytes]


def entries_of(path: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as found:
        return [(name, found.read(name)) for name in found.namelist()]


def pack(path: Path, entries: Iterable[Entry], compression: int = zipfile.ZIP_STORED) -> Path:
    """Whatever entries there are, in this order, as Python's own writer packs them."""
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in entries:
            made.writestr(name, content)
    return path


def plain(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, archive.THE_BEGINNING)


def with_entry(source: Path, target: Path, name: str | zipfile.ZipInfo, content: bytes) -> Path:
    return pack(target, [*entries_of(source), (name, content)])


def with_manifest(source: Path, target: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The bundle with another manifest; `change` changes the data or returns other bytes."""
    entries = dict(entries_of(source))
    data = json.loads(entries[archive.MANIFEST])
    changed = change(data)
    entries[archive.MANIFEST] = changed if isinstance(changed, bytes) else json.dumps(data).encode()
    return pack(target, entries.items())


def patched(source: Path, target: Path, mark: bytes, offset: int, new: bytes) -> Path:
    """The bytes with `new` put `offset` behind each place where `mark` stands."""
    content = bytearray(source.read_bytes())
    at = content.find(mark)
    while at >= 0:
        content[at + offset : at + offset + len(new)] = new
        at = content.find(mark, at + 1)
    target.write_bytes(content)
    return target
