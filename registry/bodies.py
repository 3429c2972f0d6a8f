"""The reader of JSON bodies: it refuses everything that two programs could read differently."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from rest_framework import exceptions
from rest_framework.parsers import BaseParser

MAX_DEPTH = 64
NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
SQUARE = bytes.maketrans(b"{}", b"[]")
# One call into C holds up every other thread until it is done, so long bodies go by pieces.
PIECE_BYTES = 64 * 1024
# Fewer than 200 digits times less than 10^100 stay in the range of a float.
MAYBE_TOO_LARGE = re.compile(rb"[eE]\+?\d{3}|\d{200}")
# An odd number of backslashes; after an even one, u0000 is plain text.
ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
MAYBE_UNPRINTABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class MalformedBodyError(exceptions.ParseError):
    """The body is not one strict JSON document."""


class BodyTooLargeError(exceptions.APIException):
    status_code = 413


class StrictJSONParser(BaseParser):
    """One JSON document that every program reads alike.

    Refused: NaN and Infinity, also by overflow; a key given twice; nesting deeper than 64; text
    that is not UTF-8 or holds NUL or half a surrogate pair; a body over
    `DATA_UPLOAD_MAX_MEMORY_SIZE`, before it is read.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        request = (parser_context or {}).get("request")
        announced = request.META.get("CONTENT_LENGTH") if request is not None else None
        if announced and announced.isdigit() and int(announced) > limit:
            raise _too_large(int(announced), limit)
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise _too_large(len(body), limit)
        return read_json(body)


def _too_large(found: int, limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(
        f"The body has {found} bytes; at most {limit} are taken. Send it in smaller parts."
    )


def read_json(body: bytes) -> Any:
    """Raises: MalformedBodyError saying where and why."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"Not UTF-8 at byte {error.start}.") from None
    _check_depth(body)
    parse_float = _finite_float if MAYBE_TOO_LARGE.search(body) else None
    try:
        data = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=parse_float,
            object_pairs_hook=_distinct_keys,
        )
    except json.JSONDecodeError as error:
        raise MalformedBodyError(
            f"Not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        # Python refuses to read a whole number of more than 4,300 digits.
        raise MalformedBodyError("A number in the body has too many digits.") from None
    if MAYBE_UNPRINTABLE.search(body):
        _check_text(data)
    return data


def _check_depth(body: bytes) -> None:
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    brackets = b"".join(outside_of_texts(body)).translate(SQUARE, NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        # Each turn takes the innermost pairs away.
        fewer = brackets.replace(b"[]", b"")
        if len(fewer) == len(brackets):
            return
        brackets = fewer
    if b"[]" in brackets:
        raise _too_deep()


def outside_of_texts(body: bytes) -> Iterator[bytes]:
    """What stands outside of the texts of a JSON document: numbers, brackets, commas, colons."""
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    inside = 0
    for start in range(0, len(bare), PIECE_BYTES):
        parts = bare[start : start + PIECE_BYTES].split(b'"')
        yield from parts[inside::2]
        inside ^= (len(parts) - 1) & 1


def _too_deep() -> MalformedBodyError:
    return MalformedBodyError(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _refuse_constant(name: str) -> Any:
    raise MalformedBodyError(f"{name} is not JSON; every number must be finite.")


def _finite_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise MalformedBodyError(f"{text[:40]} is too large for a number; it must be finite.")
    return value


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise MalformedBodyError(f"The key {twice[:60]!r} stands twice in one object.")
    return data


def _check_text(data: Any) -> None:
    text = json.dumps(data, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedBodyError("The body holds half of a surrogate pair.") from None
    if ESCAPED_NUL.search(text):
        raise MalformedBodyError("The body holds a NUL character; send printable text.")
