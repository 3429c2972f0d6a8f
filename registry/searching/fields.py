"""What a table lets one search by, and how each kind of field becomes a condition.

Every kind checks the operator and the type of the value first, and says by `Refusal` what it
expects; `compiling` adds the place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db.models import Exists, F, Model, OuterRef, Q
from django.utils.dateparse import parse_date, parse_datetime

from hamlet.schema import hint
from registry.searching import expressions as sql
from registry.searching.syntax import Value

EQUALITY = ("=", "!=")
LIKES = ("LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE")


class Refusal(Exception):
    """What was expected in the place of an operator or value. `of_operator` tells which."""

    def __init__(self, expected: str, *, of_operator: bool = False) -> None:
        super().__init__(expected)
        self.expected, self.of_operator = expected, of_operator


class Kind:
    """One kind of field. `parts` are what follows the field's own name in a path."""

    takes_path = False
    wanted = ""  # what a value of it looks like, for people

    def compare(self, parts: Sequence[str], operator: str, value: Value) -> Q:
        """The condition for one value; IN has been taken apart before. Raises: Refusal."""
        raise NotImplementedError

    def present(self, parts: Sequence[str]) -> Q:
        raise NotImplementedError


def want_text(value: Value, example: str) -> str:
    if not isinstance(value, str):
        raise Refusal(f"expected a text in quotes, such as '{example}'")
    return value


def want_whole_pattern(value: str, operator: str) -> str:
    """Raises: Refusal for a pattern whose last \\ escapes nothing."""
    trailing = len(value) - len(value.rstrip("\\"))
    if operator in LIKES and trailing % 2:
        raise Refusal("expected a character after the last \\, which escapes %, _ and \\")
    return value


def no_pattern(operator: str, of: str) -> None:
    if operator in LIKES:
        raise Refusal(f"expected =, !=, <, <=, >, >= or IN: {of}", of_operator=True)


@dataclass(frozen=True)
class Text(Kind):
    """A column of text. `choices`: all it can be, so that a typing error is told."""

    column: str
    choices: tuple[str, ...] = ()
    example: str = "rover"
    wanted = "text"

    def compare(self, parts: Sequence[str], operator: str, value: Value) -> Q:
        found = want_text(value, self.choices[0] if self.choices else self.example)
        if self.choices and operator in EQUALITY and found not in self.choices:
            known = ", ".join(self.choices)
            raise Refusal(f"expected one of {known}{hint(found, self.choices)}")
        return sql.compare_text(F(self.column), operator, want_whole_pattern(found, operator))

    def present(self, parts: Sequence[str]) -> Q:
        return sql.compare_text(F(self.column), "!=", "")


@dataclass(frozen=True)
class Number(Kind):
    """A column of numbers that is never empty."""

    column: str
    wanted = "number"

    def compare(self, parts: Sequence[str], operator: str, value: Value) -> Q:
        no_pattern(operator, "it is a number")
        if not isinstance(value, Decimal):
            raise Refusal("expected a number")
        return sql.compare_number(F(self.column), operator, value)

    def present(self, parts: Sequence[str]) -> Q:
        return Q(**{f"{self.column}__isnull": False})


@dataclass(frozen=True)
class Time(Kind):
    """A column of times. A date alone stands for its whole day in UTC."""

    column: str
    wanted = "time"

    def compare(self, parts: Sequence[str], operator: str, value: Value) -> Q:
        no_pattern(operator, "it is a time")
        first, after = read_period(value)
        path = self.column
        if operator in EQUALITY:
            inside = Q(**{f"{path}__gte": first, f"{path}__lt": after})
            outside = Q(**{f"{path}__lt": first}) | Q(**{f"{path}__gte": after})
            return inside if operator == "=" else outside
        lookup, bound = {
            "<": ("lt", first),
            "<=": ("lt", after),
            ">": ("gte", after),
            ">=": ("gte", first),
        }[operator]
        return Q(**{f"{path}__{lookup}": bound})

    def present(self, parts: Sequence[str]) -> Q:
        return Q(**{f"{self.column}__isnull": False})


WANTED_TIME = "expected a date or time in quotes, such as '2026-11-20' or '2026-11-20T14:30'"
SMALLEST_TIME = timedelta(microseconds=1)


def read_period(value: Value) -> tuple[datetime, datetime]:
    """From the first moment of the time or day that is meant, to the first one after it.

    A time without a zone is taken for UTC. Raises: Refusal.
    """
    if not isinstance(value, str):
        raise Refusal(WANTED_TIME)
    try:
        if day := parse_date(value):
            first = datetime(day.year, day.month, day.day, tzinfo=UTC)
            return first, first + timedelta(days=1)
        if moment := parse_datetime(value):
            first = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
            return first, first + SMALLEST_TIME
    except (ValueError, OverflowError):
        pass
    raise Refusal(WANTED_TIME)


VERSION_NUMBER = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)


@dataclass(frozen=True)
class VersionNumber(Kind):
    """Major, minor and patch, compared in this order: 1.10.0 is above 1.9.0."""

    columns: tuple[str, str, str] = ("major", "minor", "patch")
    wanted = "version"

    def compare(self, parts: Sequence[str], operator: str, value: Value) -> Q:
        no_pattern(operator, "it is a version number")
        match = VERSION_NUMBER.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise Refusal("expected a version number in quotes, such as '1.2.0'")
        return sql.compare_row(self.columns, operator, [int(part) for part in match.groups()])

    def present(self, parts: Sequence[str]) -> Q:
        return Q(**{f"{self.columns[0]}__isnull": False})


@dataclass(frozen=True)
class Names(Kind):
    """Names in a table of their own, such as aliases: true if one of them compares so.

    Attributes:
        link: the field of that table that points at the searched row.
    """

    table: type[Model]
    link: str
    column: str = "name"
    wanted = "text"

    def compare(self, parts: Sequence[str], operator: str, value: Value) -> Q:
        if operator not in ("=", "LIKE", "ILIKE"):
            raise Refusal(
                "expected =, IN, LIKE or ILIKE, since there may be several; "
                "for those that have none of this name put NOT before the field",
                of_operator=True,
            )
        found = want_whole_pattern(want_text(value, "best"), operator)
        return self._one(sql.compare_text(F(self.column), operator, found))

    def present(self, parts: Sequence[str]) -> Q:
        return self._one(Q())

    def _one(self, condition: Q) -> Q:
        return Q(Exists(self.table.objects.filter(condition, **{self.link: OuterRef("pk")})))


@dataclass(frozen=True)
class JsonMap(Kind):
    """A JSON column of numbers or texts by name. A name may have dots."""

    column: str
    of: type[Decimal] | type[str] = Decimal
    takes_path = True

    @property
    def wanted(self) -> str:
        return "number" if self.of is Decimal else "text"

    def compare(self, parts: Sequence[str], operator: str, value: Value) -> Q:
        if self.of is Decimal:
            no_pattern(operator, "it is a number")
        if not isinstance(value, self.of):
            article = "a number" if self.of is Decimal else "a text in quotes, such as 'blue'"
            raise Refusal(f"expected {article}")
        if isinstance(value, str):
            want_whole_pattern(value, operator)
        return sql.compare_json(self.column, [".".join(parts)], operator, value)

    def present(self, parts: Sequence[str]) -> Q:
        return sql.json_present(self.column, [".".join(parts)])


@dataclass(frozen=True)
class JsonText(Kind):
    """One text at a known place of a JSON column."""

    column: str
    path: tuple[str, ...]
    example: str = "L1"
    wanted = "text"

    def compare(self, parts: Sequence[str], operator: str, value: Value) -> Q:
        found = want_whole_pattern(want_text(value, self.example), operator)
        return sql.compare_json(self.column, self.path, operator, found)

    def present(self, parts: Sequence[str]) -> Q:
        return sql.json_present(self.column, self.path)


@dataclass(frozen=True)
class JsonTree(Kind):
    """A JSON column of any shape; a value is compared with values of its own type.

    Attributes:
        below: names under which the tree begins. elsewhere: first names that begin elsewhere.
    """

    column: str
    below: tuple[str, ...] = ()
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    takes_path = True
    wanted = "number, text, true or false"

    def path(self, parts: Sequence[str]) -> list[str]:
        return [*self.elsewhere.get(parts[0], self.below), *parts]

    def compare(self, parts: Sequence[str], operator: str, value: Value) -> Q:
        if operator in LIKES:
            want_whole_pattern(want_text(value, "%dueling%"), operator)
        if isinstance(value, bool) and operator not in EQUALITY:
            raise Refusal("expected = or !=: true and false have no order", of_operator=True)
        return sql.compare_json(self.column, self.path(parts), operator, value)

    def present(self, parts: Sequence[str]) -> Q:
        return sql.json_present(self.column, self.path(parts))


@dataclass(frozen=True)
class SearchFields:
    """What one table can be searched by.

    Attributes:
        of: what its rows are called, plural. fields: by the name in the query.
        words: the column in which a bare word is looked for.
        elsewhere: names that people try here, and what to do instead.
        examples: whole queries, with what they find.
    """

    of: str
    fields: Mapping[str, Kind]
    words: str
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[tuple[str, str], ...] = ()
