"""Scores of openings in a file: what a solver need not search again.

A file is 64 bytes of header and two arrays in little-endian order, for one entry after the other:

    magic "HAMLETC4", version u32, plies u32, count u64, sha256 of both arrays, 8 bytes of zeros
    keys   int64 [count], canonical keys in rising order
    scores int8  [count], for the side to move, as hamlet.search.solver has them

It has every position of at most `plies` stones, up to mirror images, in which the game is not over.
"""

from __future__ import annotations

import functools
import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hamlet.durability import write_whole
from hamlet.envs.connect_four.position import Position
from hamlet.errors import HamletError
from hamlet.search.solver_kernel import BEST

MAGIC, VERSION = b"HAMLETC4", 1
HEADER = struct.Struct("<8sIIQ32s8x")
ENTRY_BYTES = 9
MOST_ENTRIES = 2**24  # 144 MiB: every position of 12 stones is in it four times over
MOST_PLIES = 42
SHIPPED = Path(__file__).with_name("books") / "openings.book"


class OpeningBookError(HamletError):
    """A file of scores is damaged, or none of ours."""


@dataclass(frozen=True)
class OpeningBook:
    """Attributes:
    plies: stones up to which it has positions.
    keys: int64 [count], rising. scores: int8 [count].
    sha256: of both arrays, in hex; "" for a book that is not from a file.
    """

    plies: int
    keys: np.ndarray
    scores: np.ndarray
    sha256: str = ""

    def __len__(self) -> int:
        return len(self.keys)

    def lookup(self, position: Position) -> int | None:
        """The score of a position; None if it is not in the book."""
        key = position.canonical_key
        index = int(np.searchsorted(self.keys, key))
        if index == len(self.keys) or self.keys[index] != key:
            return None
        return int(self.scores[index])


def make_book(scores: dict[int, int], plies: int) -> OpeningBook:
    """A book in memory. Args: scores: by canonical key."""
    keys = np.array(sorted(scores), dtype="<i8")
    values = np.array([scores[key] for key in keys.tolist()], dtype=np.int8)
    return OpeningBook(plies, keys, values)


def write_book(path: str | Path, book: OpeningBook) -> OpeningBook:
    """Write a file whole or not at all, and open it. Raises: OSError if the disk refuses."""
    body = book.keys.astype("<i8").tobytes() + book.scores.astype(np.int8).tobytes()
    digest = hashlib.sha256(body).digest()
    head = HEADER.pack(MAGIC, VERSION, book.plies, len(book), digest)
    write_whole(Path(path), head + body)
    return open_book(path)


def open_book(path: str | Path) -> OpeningBook:
    """Map a file into memory, and verify all of it.

    Raises: OpeningBookError naming the fault; OSError if there is no such file.
    """
    path = Path(path)
    with open(path, "rb") as file:
        head = file.read(HEADER.size)
        size = file.seek(0, 2)
    if len(head) < HEADER.size or not head.startswith(MAGIC):
        raise OpeningBookError(f"{path.name}: this is no opening book; expected {MAGIC!r} first")
    _, version, plies, count, digest = HEADER.unpack(head)
    if version != VERSION:
        raise OpeningBookError(
            f"{path.name}: found version {version}; this library reads {VERSION}"
        )
    if plies > MOST_PLIES or not 0 < count <= MOST_ENTRIES:
        raise OpeningBookError(
            f"{path.name}: found {count} positions of up to {plies} stones; expected 1 to "
            f"{MOST_ENTRIES} of at most {MOST_PLIES}"
        )
    if size != HEADER.size + count * ENTRY_BYTES:
        raise OpeningBookError(
            f"{path.name}: found {size} bytes; {count} positions take "
            f"{HEADER.size + count * ENTRY_BYTES}. Fetch or build it again"
        )
    return _mapped(path, plies, count, digest)


def _mapped(path: Path, plies: int, count: int, digest: bytes) -> OpeningBook:
    # Copy on write: compiled code takes arrays that may be written, and the file stays as it is.
    raw = np.memmap(path, dtype=np.uint8, mode="c")
    if hashlib.sha256(raw[HEADER.size :]).digest() != digest:
        raise OpeningBookError(
            f"{path.name}: the content does not fit its sha256; it was changed or damaged. Fetch "
            "or build it again"
        )
    middle = HEADER.size + 8 * count
    keys = np.asarray(raw[HEADER.size : middle]).view("<i8")
    scores = np.asarray(raw[middle:]).view(np.int8)
    if (keys[1:] <= keys[:-1]).any() or (np.abs(scores.astype(int)) > BEST).any():
        raise OpeningBookError(
            f"{path.name}: keys must rise, and scores lie from -{BEST} to {BEST}"
        )
    return OpeningBook(plies, keys, scores, digest.hex())


@functools.cache
def shipped_book() -> OpeningBook | None:
    """The book that comes with the library; None where it was left out.

    Raises: OpeningBookError if it is damaged.
    """
    return open_book(SHIPPED) if SHIPPED.exists() else None
