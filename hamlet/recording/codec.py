"""Episodes as bytes: JSON, compressed unless asked otherwise. Both forms read back.

Numbers travel with 5 significant digits (the recorder rounds them): finer than any screen shows,
and a third of the size.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.json_documents import read_json
from hamlet.recording.episode import Episode
from hamlet.schema import (
    Choice,
    Integer,
    MapOf,
    Number,
    Reader,
    Section,
    Text,
    Unread,
    describe,
    validate,
)

FORMAT = 1
MAX_ENCODED_BYTES = 64 * 2**20  # after decompression: 100,000 steps of the town take 30 MB
MAX_NUMBER = 10**12
MAX_STEPS = 1_000_000
NAME = Text(longest=60)


class Column(Reader):
    """A list with one entry per step."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, list):
            problems.append(Problem(path, f"found {describe(value)}; expected a list"))
        elif len(value) > MAX_STEPS:
            message = f"found {len(value)} entries; expected at most {MAX_STEPS}"
            problems.append(Problem(path, message))
        return value


EPISODE_SCHEMA = Section(
    {
        "format": Choice(FORMAT),
        "number": Integer(1, MAX_NUMBER),
        "start": MapOf(NAME, Unread(optional=True)),
        "columns": MapOf(NAME, Column()),
        "end": MapOf(NAME, Unread(optional=True)),
        "ended_at": Number(0.0, 1e12),
    }
)


def encode_episode(episode: Episode, compress: bool = True) -> bytes:
    """The episode as JSON, in zlib's format if `compress`.

    Raises: SpecError if it holds what JSON cannot say.
    """
    data = {
        "format": FORMAT,
        "number": episode.number,
        "start": episode.start,
        "columns": episode.columns,
        "end": episode.end,
        "ended_at": episode.ended_at,
    }
    try:
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        message = f"cannot be written as JSON ({error}); record plain, finite values"
        raise SpecError([Problem("episode", message)]) from None
    encoded = text.encode()
    return zlib.compress(encoded, level=6) if compress else encoded


def decode_episode(content: bytes) -> Episode:
    """Read either form back.

    Raises: SpecError if it is damaged, hostile, too large or of another format.
    """
    encoded = content if content[:1] == b"{" else decompressed(content)
    if len(encoded) > MAX_ENCODED_BYTES:
        raise too_large()
    try:
        data = read_json(encoded)
    except ValueError as error:
        raise SpecError([Problem("episode", f"not valid JSON: {error}")]) from None
    read = validate(EPISODE_SCHEMA, data)
    check_columns(read["columns"])
    del read["format"]
    return Episode(**read)


def decompressed(content: bytes) -> bytes:
    """Unpack no more than the limit, whatever the bytes promise."""
    unpacker = zlib.decompressobj()
    try:
        encoded = unpacker.decompress(content, MAX_ENCODED_BYTES + 1)
    except zlib.error as error:
        message = f"neither JSON nor zlib data ({error}); the file is damaged or something else"
        raise SpecError([Problem("episode", message)]) from None
    if len(encoded) > MAX_ENCODED_BYTES:
        raise too_large()
    if not unpacker.eof:
        raise SpecError([Problem("episode", "the file ends too early; it was cut off")])
    return encoded


def check_columns(columns: Mapping[str, list[Any]]) -> None:
    """Raises: SpecError unless all columns have one length."""
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        message = f"found columns of different lengths ({found}); expected one entry per step"
        raise SpecError([Problem("columns", message)])


def too_large() -> SpecError:
    message = f"holds more than {MAX_ENCODED_BYTES >> 20} MiB; expected one recorded episode"
    return SpecError([Problem("episode", message)])
