"""From tokens to a tree, by recursive descent; NOT binds before AND, AND before OR.

query      := all { OR all }
all        := negated { AND negated }
negated    := NOT negated | ( query ) | EXISTS field | word | comparison
comparison := field operator value
            | field [NOT] IN ( value { , value } )
            | field [NOT] LIKE text  |  field [NOT] ILIKE text
"""

from __future__ import annotations

from registry.searching.errors import SearchError
from registry.searching.lexing import Kind, Token, tokens
from registry.searching.syntax import (
    And,
    Comparison,
    Field,
    Literal,
    Node,
    Not,
    Or,
    Presence,
    Word,
)

MOST_CHARACTERS = 4000
MOST_TERMS = 200  # comparisons, and the values of IN one by one
DEEPEST = 50  # parentheses and NOTs within each other
VALUES = (Kind.NUMBER, Kind.TEXT)


def parse(query: str) -> Node:
    """Raises: SearchError at the first place that cannot be read, or beyond a bound."""
    if len(query) > MOST_CHARACTERS:
        message = f"found {len(query)} characters; a query has at most {MOST_CHARACTERS}"
        raise SearchError(query, MOST_CHARACTERS + 1, message)
    return Parser(query).parse()


class Parser:
    """One query and how far it has been read."""

    def __init__(self, query: str) -> None:
        self.query = query
        self.tokens = tokens(query)
        self.at = self.terms = self.depth = 0

    @property
    def token(self) -> Token:
        token = self.tokens[self.at]
        if token.kind == Kind.FAULT:
            raise token.value
        return token

    def parse(self) -> Node:
        found = self.either()
        if self.token.kind != Kind.END:
            raise self.unexpected("expected AND, OR or the end", self.forgotten_and())
        return found

    # -- the rules of the grammar

    def either(self) -> Node:
        parts = [self.all()]
        while self.skip("OR"):
            parts.append(self.all())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def all(self) -> Node:
        parts = [self.negated()]
        while self.skip("AND"):
            parts.append(self.negated())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def negated(self) -> Node:
        token = self.token
        if self.skip("NOT"):
            self.enter(token)
            part = self.negated()
            self.depth -= 1
            return Not(part)
        if token.kind == Kind.OPEN:
            return self.parenthesis()
        self.count(token)
        if self.skip("EXISTS"):
            return Presence(self.field("expected a field after EXISTS, such as metrics.loss"))
        return self.leaf()

    def parenthesis(self) -> Node:
        opening = self.take()
        self.enter(opening)
        found = self.either()
        if self.token.kind != Kind.CLOSE:
            message = f"expected ) for the ( at character {opening.start + 1}"
            raise self.unexpected(f"{message}, or AND, OR", self.forgotten_and())
        self.take()
        self.depth -= 1
        return found

    def leaf(self) -> Node:
        token, following = self.token, self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        compared = following.kind == Kind.OPERATOR or (
            following.kind == Kind.KEYWORD and following.value in COMPARING
        )
        if token.kind == Kind.TEXT and not compared:
            return self.word(self.take().value, token)
        if token.kind == Kind.NAME and not compared and len(token.value) == 1:
            return self.word(self.take().value[0], token)
        field = self.field("expected a field such as name or metrics.loss, or a word to look for")
        return self.comparison(field)

    def comparison(self, field: Field) -> Comparison:
        negation = "NOT " if self.skip("NOT") else ""
        token = self.token
        if token.kind == Kind.KEYWORD and token.value == "IN":
            self.take()
            return Comparison(field, f"{negation}IN", self.values())
        if token.kind == Kind.KEYWORD and token.value in ("LIKE", "ILIKE"):
            self.take()
            return Comparison(field, f"{negation}{token.value}", (self.value(),))
        if token.kind == Kind.OPERATOR and not negation:
            self.take()
            return Comparison(field, token.value, (self.value(),))
        wanted = "IN, LIKE or ILIKE" if negation else "=, !=, <, <=, >, >=, IN, LIKE or ILIKE"
        raise self.unexpected(f"expected {wanted} after {field.text}")

    def values(self) -> tuple[Literal, ...]:
        if self.token.kind != Kind.OPEN:
            raise self.unexpected("expected ( after IN, as in: status IN ('queued', 'running')")
        self.take()
        found = [self.value()]
        while self.token.kind == Kind.COMMA:
            self.count(self.take())
            found.append(self.value())
        if self.token.kind != Kind.CLOSE:
            raise self.unexpected("expected , or ) in the list of IN")
        self.take()
        return tuple(found)

    def value(self) -> Literal:
        token = self.token
        if token.kind in VALUES:
            self.take()
            return Literal(token.value, token.text, token.start)
        if token.kind == Kind.KEYWORD and token.value in ("TRUE", "FALSE"):
            self.take()
            return Literal(token.value == "TRUE", token.text, token.start)
        quoted = f" (a text stands in quotes: '{token.text}')" if token.kind == Kind.NAME else ""
        raise self.unexpected("expected a number, a text in quotes, true or false", quoted)

    def field(self, expected: str) -> Field:
        token = self.token
        if token.kind != Kind.NAME:
            raise self.unexpected(expected)
        self.take()
        return Field(token.value, token.text, token.start)

    def word(self, text: str, token: Token) -> Word:
        if not text:
            message = "found an empty text; expected a word to look for"
            raise SearchError(self.query, token.start + 1, message, token.text)
        return Word(text, token.start)

    # -- moving on, and the bounds

    def take(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def skip(self, keyword: str) -> bool:
        found = self.token.kind == Kind.KEYWORD and self.token.value == keyword
        self.at += found
        return found

    def enter(self, token: Token) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            message = f"more than {DEEPEST} parentheses and NOTs within each other"
            raise SearchError(self.query, token.start + 1, message, token.text)

    def count(self, token: Token) -> None:
        self.terms += 1
        if self.terms > MOST_TERMS:
            message = f"more than {MOST_TERMS} comparisons; make the query smaller"
            raise SearchError(self.query, token.start + 1, message, token.text)

    def unexpected(self, expected: str, more: str = "") -> SearchError:
        token = self.token
        found = "the end" if token.kind == Kind.END else token.text[:60]
        message = f"found {found}; {expected}{more}"
        return SearchError(self.query, token.start + 1, message, token.text)

    def forgotten_and(self) -> str:
        begins = (Kind.NAME, Kind.TEXT, Kind.OPEN)
        return " (AND stands between two conditions)" if self.token.kind in begins else ""


COMPARING = frozenset({"IN", "LIKE", "ILIKE", "NOT"})
