"""What can be wrong with a query: where, what was found, what was expected."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from hamlet.errors import Problem, SpecError

PATH = "q"
EXCERPT = 60  # characters of the query shown on each side of a fault


@dataclass(frozen=True)
class Excerpt:
    """The query around a fault, on one line: `before`, the faulty word, `after`, and a caret."""

    before: str
    word: str
    after: str

    @property
    def caret(self) -> str:
        """Spaces and ^ that stand under the word in a font of one width."""
        return " " * columns(self.before) + "^" * max(1, columns(self.word))


class PlacedProblem(Problem):
    """A problem that knows its place in the text: `position` counts characters from 1."""

    position: int

    @classmethod
    def at(cls, position: int, message: str) -> PlacedProblem:
        problem = cls(PATH, f"{message} (character {position})")
        problem.position = position
        return problem


class SearchError(SpecError):
    """A query that cannot be answered.

    Attributes:
        query: as it was written. position: of the fault, counted in characters from 1.
        word: what stands there; empty at the end of the query.
    """

    def __init__(self, query: str, position: int, message: str, word: str = "") -> None:
        self.query, self.position, self.word = query, position, word
        self.message = message
        super().__init__([PlacedProblem.at(position, message)])

    @property
    def excerpt(self) -> Excerpt:
        start = self.position - 1
        end = start + min(len(self.word), EXCERPT)
        before, after = self.query[max(0, start - EXCERPT) : start], self.query[end:]
        return Excerpt(
            ("… " if start > EXCERPT else "") + plain(before),
            plain(self.query[start:end]),
            plain(after[:EXCERPT]) + (" …" if len(after) > EXCERPT else ""),
        )


def plain(text: str) -> str:
    """On one line, and without characters that show nothing or turn the line around."""
    return "".join(
        character if character.isprintable() else " " if character.isspace() else "\ufffd"
        for character in text
    )


def columns(text: str) -> int:
    """How many columns of a terminal the text takes; about what a browser's fixed font does."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    none = sum(bool(unicodedata.combining(character)) for character in text)
    return len(text) + wide - none
