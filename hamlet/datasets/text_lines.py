"""Lines of text files that people send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def without_mark(lines: Iterable[str]) -> Iterator[str]:
    """Spreadsheets and editors begin a file with a byte order mark, which is no part of it."""
    for number, line in enumerate(lines):
        yield line if number else line.removeprefix("\ufeff")
