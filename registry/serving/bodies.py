"""Bodies of questions: unpacked within bounds, then read as strictly as every body of the API.

orjson reads ten times as fast as the strict reader, but takes the second of two equal keys and a
NUL in a text. So what it has read counts only where nothing of the kind can be: as many colons as
keys (a key given twice has two) and no escaped character. All else goes to the strict reader,
whose verdict stands. Of a long body that reader would take too long: it is refused in fewer words.
"""

from __future__ import annotations

import zlib
from typing import Any

import orjson
from rest_framework.exceptions import ParseError, UnsupportedMediaType

from registry.bodies import (
    BodyTooLargeError,
    MalformedBodyError,
    outside_of_texts,
    read_json,
)

JSON_TYPE = "application/json"
BINARY_TYPE = "application/octet-stream"
# zlib finds out by itself whether gzip's header or its own stands in front.
EITHER_HEADER = zlib.MAX_WBITS | 32
PACKED = frozenset({"gzip", "x-gzip", "deflate"})
# A body of more bytes is read beside the event loop.
LONG_BYTES = 64 * 1024
# No more lists, objects and keys than that are made of a body: a list of nothing is three bytes of
# it, and many times the work of a number.
MOST_PARTS = 100_000


def read_document(body: bytes) -> Any:
    """One strict JSON document. Raises: MalformedBodyError saying where and why."""
    if len(body) > LONG_BYTES:
        return read_long_document(body)
    if b"\\u" in body:
        return read_json(body)
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return read_json(body)
    try:
        whole = body.count(b":") == count_keys(data)
    except RecursionError:  # deeper than the strict reader allows, which says so
        whole = False
    return data if whole else read_json(body)


def read_long_document(body: bytes) -> Any:
    """As strict, in steps none of which holds up other threads for long.

    Raises: MalformedBodyError.
    """
    outside = b"".join(outside_of_texts(body))
    colons = outside.count(b":")
    parts = outside.count(b"[") + outside.count(b"{") + colons
    if parts > MOST_PARTS:
        raise MalformedBodyError(
            f"The body has {parts} lists, objects and keys; at most {MOST_PARTS} are read. "
            "Send fewer rows at once, or bytes by the Open Inference Protocol."
        )
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBodyError(
            f"Not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}. "
            "Every number must be finite."
        ) from None
    if b"\\u0000" in body.replace(b"\\\\", b""):
        raise MalformedBodyError("The body holds a NUL character; send printable text.")
    if colons != count_all_keys(data):
        raise MalformedBodyError("A key stands twice in one object.")
    return data


def count_all_keys(data: Any) -> int:
    """Keys of all mappings, however deep."""
    found = 0
    level = [data] if type(data) in (list, dict) else []
    while level:
        deeper: list[Any] = []
        for value in level:
            items = value
            if type(value) is dict:
                found += len(value)
                items = value.values()
            deeper += [item for item in items if type(item) is list or type(item) is dict]
        level = deeper
    return found


def count_keys(data: Any) -> int:
    """Keys of the mappings where a question has some; of others too few, which harms nobody."""
    found = 0
    if type(data) is dict:
        found = len(data)
        for value in data.values():
            kind = type(value)
            # A list holds numbers or lists of them, or mappings; the first says which.
            if kind is dict or (kind is list and value and type(value[0]) is dict):
                found += count_keys(value)
    elif type(data) is list:
        for value in data:
            found += count_keys(value)
    return found


def check_content_type(found: str, allowed: tuple[str, ...], *, may_lack: bool = False) -> None:
    """Raises: UnsupportedMediaType (415)."""
    kind = found.partition(";")[0].strip().lower()
    if kind in allowed or (may_lack and not kind):
        return
    raise UnsupportedMediaType(
        found,
        f"found the Content-Type {found[:80]!r}; expected {' or '.join(allowed)}. "
        "Send that header with the body.",
    )


def unpack(body: bytes, encoding: str, limit: int) -> bytes:
    """The body as it was before `Content-Encoding`.

    Raises: BodyTooLargeError as soon as more than `limit` bytes come out; ParseError for a body
        that is damaged; UnsupportedMediaType for another encoding.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in PACKED:
        raise UnsupportedMediaType(
            encoding,
            f"found the Content-Encoding {encoding[:40]!r}; expected gzip, deflate or none.",
        )
    unpacker = zlib.decompressobj(EITHER_HEADER)
    try:
        content = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise ParseError(f"The body is no valid {encoding}: {error}.") from None
    if len(content) > limit:
        raise BodyTooLargeError(
            f"The body unpacks to more than {limit} bytes, the most that is taken. Send less."
        )
    if not unpacker.eof or unpacker.unused_data:
        found = "more after its end" if unpacker.eof else "no end"
        raise ParseError(f"The body is no valid {encoding}: it has {found}.")
    return content
