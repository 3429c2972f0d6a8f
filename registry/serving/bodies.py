"""Bodies of questions: unpacked within bounds, then read as strictly as every body of the API.

orjson reads ten times as fast as the strict reader, but takes the second of two equal keys and a
NUL in a text. So what it has read counts only where nothing of the kind can be: as many colons as
keys (a key given twice has two) and no escaped character. All else goes to the strict reader,
whose verdict stands.
"""

from __future__ import annotations

import zlib
from typing import Any

import orjson
from rest_framework.exceptions import ParseError, UnsupportedMediaType

from registry.bodies import BodyTooLargeError, read_json

JSON_TYPE = "application/json"
BINARY_TYPE = "application/octet-stream"
# zlib finds out by itself whether gzip's header or its own stands in front.
EITHER_HEADER = zlib.MAX_WBITS | 32
PACKED = frozenset({"gzip", "x-gzip", "deflate"})


def read_document(body: bytes) -> Any:
    """One strict JSON document. Raises: MalformedBodyError saying where and why."""
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
