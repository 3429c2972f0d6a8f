"""The zip around a bundle: written to the same bytes each time, read without trusting any of it.

A bundle is stored, not compressed: what it holds are weights, which hardly shrink, and a file
that cannot grow while it is read cannot be a bomb. Of all that zip allows, only what `write`
makes is taken: `manifest.json` first, then `files/<sha256>`, plain files, no comment, nothing
encrypted, nothing twice, nothing hidden between the entries.
Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 and 4.4.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from registry.artifacts.disk import CHUNK_BYTES
from registry.bundles.errors import BundleError, BundleTooLargeError

MANIFEST = "manifest.json"
FILE = re.compile(r"files/([0-9a-f]{64})")
MOST_ENTRIES = 20_000
LARGEST_MANIFEST = 8 * 1024 * 1024
LARGEST_DIRECTORY = MOST_ENTRIES * 160  # 46 + 70 for the name + 28 for a 64-bit entry
THE_BEGINNING = (1980, 1, 1, 0, 0, 0)  # of zip's time: no bundle tells when it was written
UTF8_NAME = 0x800
ENCRYPTED = 0x1 | 0x40 | 0x2000
LOCAL = struct.Struct("<4s5H3L2H")  # header before each entry
END = struct.Struct("<4s4H2LH")  # end of central directory record
LOCATOR = struct.Struct("<4sLQL")  # where its 64-bit form stands
END64 = struct.Struct("<4sQ2H2L4Q")
SMALL = 0xFFFFFFFF  # the largest that a 32-bit field tells
OnRead = Callable[[int], None]


def write(
    path: Path, manifest: bytes, files: Iterable[tuple[str, int, BinaryIO]], on_written: OnRead
) -> None:
    """Write a bundle.

    Args:
        files: (sha256, size in bytes, the open file), in ascending order of sha256.
        on_written: told how many bytes were written.
    Raises: BundleTooLargeError if the manifest is larger than a reader takes.
    """
    if len(manifest) > LARGEST_MANIFEST:
        raise BundleTooLargeError(
            f"the manifest would have {len(manifest)} bytes; a bundle takes {LARGEST_MANIFEST}. "
            "Export fewer models or versions at a time."
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(MANIFEST, len(manifest)), manifest)
        on_written(len(manifest))
        for digest, size_bytes, file in files:
            with archive.open(_entry(f"files/{digest}", size_bytes), "w") as target:
                while chunk := file.read(CHUNK_BYTES):
                    target.write(chunk)
                    on_written(len(chunk))


def _entry(name: str, size_bytes: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, THE_BEGINNING)
    entry.create_system = 3  # Unix, on whichever system it is written
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.file_size = size_bytes  # so that zip64 is chosen by size alone
    return entry


class Archive:
    """A stranger's bundle, open for reading. A context manager; every fault is a BundleError."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            directory, count = _find_directory(self._file, path.stat().st_size)
            self._zip = zipfile.ZipFile(self._file)
            self._entries = _checked_entries(self._zip.infolist(), self._file, directory)
            if len(self._entries) != count:
                raise BundleError(f"found {len(self._entries)} entries; {count} were announced")
        except (zipfile.BadZipFile, struct.error, ValueError, OverflowError) as error:
            self._file.close()
            raise BundleError(f"the file is no whole zip archive: {error}") from None
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._zip.close()
        self._file.close()

    @property
    def digests(self) -> dict[str, int]:
        """The files in it: size in bytes by sha256."""
        return {
            match.group(1): entry.file_size
            for name, entry in self._entries.items()
            if (match := FILE.fullmatch(name))
        }

    def manifest(self) -> bytes:
        """Raises: BundleError."""
        size = self._entries[MANIFEST].file_size
        if size > LARGEST_MANIFEST:
            raise BundleTooLargeError(
                f"{MANIFEST} has {size} bytes; at most {LARGEST_MANIFEST} are taken"
            )
        return b"".join(self._chunks(MANIFEST))

    def extract(self, digest: str, target: Path | None, on_read: OnRead) -> None:
        """Read a file, check its hash, and write it to `target` if one is given.

        Raises: BundleError if its bytes are not what its name says.
        """
        found = hashlib.sha256()
        with target.open("xb") if target else open(os.devnull, "wb") as out:
            for chunk in self._chunks(f"files/{digest}"):
                found.update(chunk)
                out.write(chunk)
                on_read(len(chunk))
        if found.hexdigest() != digest:
            raise BundleError(
                f"files/{digest} hashes to {found.hexdigest()}: the bundle was changed or damaged "
                "on its way. Copy it again."
            )

    def _chunks(self, name: str) -> Iterable[bytes]:
        entry = self._entries[name]
        read = 0
        try:
            with self._zip.open(entry) as file:
                while chunk := file.read(CHUNK_BYTES):
                    read += len(chunk)
                    yield chunk
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise BundleError(f"{name} cannot be read: {error}") from None
        if read != entry.file_size:
            raise BundleError(f"{name} has {read} bytes; {entry.file_size} were announced")


def _find_directory(file: BinaryIO, size: int) -> tuple[int, int]:
    """Read the end record, before anybody reads a directory of as many entries as it likes.

    Returns: (where the directory begins, how many entries it says that it has).
    """
    if size < END.size:
        raise BundleError(f"the file has {size} bytes; that is no zip archive")
    file.seek(size - END.size)
    mark, disk, first_disk, here, count, length, start, comment = END.unpack(file.read(END.size))
    if mark != b"PK\x05\x06" or comment:
        raise BundleError(
            "the file does not end as a bundle does: it is no zip archive, was cut short, or "
            "carries a comment. Export it anew."
        )
    end = size - END.size
    if 0xFFFF in (disk, here, count) or SMALL in (length, start):
        end, disk, first_disk, here, count, length, start = _read_end64(file, end)
    if disk or first_disk or here != count:
        raise BundleError("the archive says that it is split over several files; send it whole")
    if count > MOST_ENTRIES:
        raise BundleTooLargeError(f"found {count} entries; a bundle has at most {MOST_ENTRIES}")
    if length > LARGEST_DIRECTORY:
        raise BundleTooLargeError(f"the directory of the archive has {length} bytes")
    if start + length != end:
        raise BundleError("the directory of the archive is not where its end says: it was cut")
    return start, count


def _read_end64(file: BinaryIO, end: int) -> tuple[int, ...]:
    """Returns: (where the directory must end, disk, first disk, here, count, length, start)."""
    at = end - LOCATOR.size
    if at < END64.size:
        raise BundleError("the end of the archive is incomplete")
    file.seek(at)
    mark, _, position, _ = LOCATOR.unpack(file.read(LOCATOR.size))
    if mark != b"PK\x06\x07" or position != at - END64.size:
        raise BundleError("the 64-bit end of the archive is not where it is said to be")
    file.seek(position)
    mark, _, _, _, disk, first_disk, here, count, length, start = END64.unpack(
        file.read(END64.size)
    )
    if mark != b"PK\x06\x06":
        raise BundleError("the 64-bit end of the archive is damaged")
    return position, disk, first_disk, here, count, length, start


def _checked_entries(
    entries: list[zipfile.ZipInfo], file: BinaryIO, directory: int
) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    expected_at = 0
    for entry in entries:
        _check_entry(entry)
        if entry.filename in found:
            raise BundleError(f"{entry.filename[:100]!r} is in the archive twice")
        # Back to back from the first byte: entries that share bytes would count them twice.
        if entry.header_offset != expected_at:
            raise BundleError(
                f"{entry.filename} begins at byte {entry.header_offset}; expected {expected_at}: "
                "entries overlap, or something lies between them"
            )
        expected_at += _header_size(file, expected_at) + entry.file_size
        found[entry.filename] = entry
    if expected_at != directory:
        raise BundleError(
            f"the entries end at byte {expected_at}; the directory begins at {directory}: "
            "a size is wrong"
        )
    if MANIFEST not in found:
        raise BundleError(f"the archive has no {MANIFEST}; it is no bundle of this platform")
    return found


def _header_size(file: BinaryIO, at: int) -> int:
    """Of what stands before the bytes of an entry."""
    file.seek(at)
    fields = LOCAL.unpack(file.read(LOCAL.size))
    return LOCAL.size + fields[-2] + fields[-1]  # the name and the extra fields follow


def _check_entry(entry: zipfile.ZipInfo) -> None:
    """Raises: BundleError unless it is one of those that `write` makes."""
    name = entry.orig_filename
    shown = repr(name[:100])
    if name != MANIFEST and not FILE.fullmatch(name):
        raise BundleError(
            f"found an entry named {shown}; a bundle holds {MANIFEST} and files/<sha256> alone"
        )
    if entry.flag_bits & ENCRYPTED:
        raise BundleError(f"{shown} is encrypted; bundles are not")
    if entry.flag_bits & ~UTF8_NAME:
        raise BundleError(f"{shown} has the flags {entry.flag_bits:#x}; expected none")
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise BundleError(f"{shown} is compressed; a bundle is stored as it is")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG) or entry.is_dir():
        raise BundleError(f"{shown} is a link, a folder or a device; expected a plain file")
    if entry.comment:
        raise BundleError(f"{shown} carries a comment; expected none")
