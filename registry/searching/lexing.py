"""Cut a query into tokens. One pass, no going back: a long query costs no more than its length."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from registry.searching.errors import SearchError

KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "EXISTS", "TRUE", "FALSE"})
OPERATORS = ("!=", "<=", ">=", "=", "<", ">")
# What other languages write, and what it is here.
FOREIGN = {"==": "=", "<>": "!=", "&&": "AND", "||": "OR", "!": "NOT", "~": "LIKE", "&": "AND"}
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
LONGEST_NUMBER = 60


class Kind(StrEnum):
    NAME = "name"  # a word or a path; `value` has its parts
    KEYWORD = "keyword"  # `value` in capitals
    NUMBER = "number"
    TEXT = "text"
    OPERATOR = "operator"
    OPEN, CLOSE, COMMA = "(", ")", ","
    FAULT = "fault"  # what can be no token; `value` is the SearchError about it
    END = "end"


@dataclass(frozen=True)
class Token:
    """`text` as written, `value` as meant, `start` counted from 0."""

    kind: Kind
    text: str
    value: Any
    start: int


def tokens(query: str) -> list[Token]:
    """All tokens, then one END.

    A FAULT ends them early: the parser raises it when it comes there, since what is wrong before
    is told first.
    """
    found: list[Token] = []
    at = 0
    while at < len(query):
        if query[at].isspace():
            at += 1
            continue
        try:
            token = read_token(query, at)
        except SearchError as error:
            found.append(Token(Kind.FAULT, error.word, error, at))
            break
        found.append(token)
        at = token.start + len(token.text)
    return [*found, Token(Kind.END, "", None, len(query))]


def read_token(query: str, at: int) -> Token:
    character = query[at]
    if character in "(),":
        return Token(Kind(character), character, character, at)
    if character in "'\"":
        value, end = read_quoted(query, at)
        return Token(Kind.TEXT, query[at:end], value, at)
    for foreign, ours in FOREIGN.items():
        if query.startswith(foreign, at) and not query.startswith("!=", at):
            raise SearchError(query, at + 1, f"found {foreign}; write {ours}", foreign)
    for operator in OPERATORS:
        if query.startswith(operator, at):
            return Token(Kind.OPERATOR, operator, operator, at)
    if starts_word(character) or character == "`":
        return read_name(query, at)
    if match := NUMBER.match(query, at):
        return read_number(query, at, match.group())
    raise SearchError(query, at + 1, f"found {spelt(character)}; {EXPECTED_WORDS}", character)


EXPECTED_WORDS = "expected a field, a number, or a text in quotes"


def starts_word(character: str) -> bool:
    return character == "_" or character.isalpha()


def continues_word(character: str) -> bool:
    return character in "_-" or character.isalnum()


def spelt(text: str) -> str:
    """A character for a message, with its code where it does not show."""
    return text if text.isprintable() else ascii(text)[1:-1]


def read_quoted(query: str, start: int) -> tuple[str, int]:
    """The text between quotes, where a doubled quote is one of them, and the place after it."""
    quote, pieces, at = query[start], [], start + 1
    while (end := query.find(quote, at)) >= 0:
        pieces.append(query[at:end])
        if not query.startswith(quote, end + 1):
            return checked(query, start, quote.join(pieces)), end + 1
        at = end + 2
    message = f"found a {quote} that is never closed; expected another {quote}"
    raise SearchError(query, start + 1, message, query[start:])


def checked(query: str, start: int, text: str) -> str:
    """Raises: SearchError for what no text of the database can hold."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        message = "found a text with a NUL or half a character; leave it out"
        raise SearchError(query, start + 1, message, text[:1])
    return text


def read_name(query: str, start: int) -> Token:
    """A word, or words with dots between: `metrics.loss`, tags.`an odd name`."""
    parts, at, quoted = [], start, False
    while True:
        part, at, in_quotes = read_part(query, at, first=not parts)
        parts.append(part)
        quoted = quoted or in_quotes
        if not query.startswith(".", at):
            break
        at += 1
    text = query[start:at]
    if len(parts) == 1 and not quoted and text.upper() in KEYWORDS:
        return Token(Kind.KEYWORD, text, text.upper(), start)
    return Token(Kind.NAME, text, tuple(parts), start)


def read_part(query: str, at: int, *, first: bool) -> tuple[str, int, bool]:
    """One part of a path, the place after it, and whether it stood in quotes."""
    if query.startswith("`", at) or (query.startswith('"', at) and not first):
        part, end = read_quoted(query, at)
        return part, end, True
    end = at
    while end < len(query) and continues_word(query[end]):
        end += 1
    if end == at:
        message = "found a dot with nothing behind it; expected a name, such as metrics.loss"
        raise SearchError(query, at, message, ".")
    return query[at:end], end, False


def read_number(query: str, start: int, text: str) -> Token:
    end = start + len(text)
    rest = end
    while rest < len(query) and (continues_word(query[rest]) or query[rest] == "."):
        rest += 1
    if rest > end:
        whole = query[start:rest]
        message = f"found {spelt(whole[:60])}; put quotes around a text: '{spelt(whole[:60])}'"
        raise SearchError(query, start + 1, message, whole)
    if len(text) > LONGEST_NUMBER or not math.isfinite(float(text)):
        message = f"found {text[:30]}...; expected a number of ordinary size"
        raise SearchError(query, start + 1, message, text)
    return Token(Kind.NUMBER, text, Decimal(text), start)
