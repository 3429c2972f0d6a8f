"""Readers of single values of a manifest: times, numbers, names, texts."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from hamlet.errors import Problem, SpecError
from hamlet.schema import Reader, describe
from registry.errors import ReservedAliasError
from registry.queries import NUMBER

HIGHEST_PART = 2**31
CLOCKS_DIFFER_BY = timedelta(minutes=5)
Number3 = tuple[int, int, int]


class Moment(Reader):
    """A time with its zone that has been."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        moment = None
        with contextlib.suppress(ValueError):
            moment = parse_datetime(value) if isinstance(value, str) else None
        if moment is None or moment.tzinfo is None:
            expected = "expected a time with its zone, such as 2026-11-20T12:00:00.000000+00:00"
            problems.append(Problem(path, f"found {describe(value)}; {expected}"))
            return value
        if moment > timezone.now() + CLOCKS_DIFFER_BY:
            problems.append(Problem(path, f"found {value[:60]}, which has not come yet"))
        return moment


class VersionNumber(Reader):
    """`1.2.0`, read to (1, 2, 0)."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        number = parse_number(value)
        if number is None:
            message = f"found {describe(value)}; expected a number such as 1.0.0"
            problems.append(Problem(path, message))
        return number


class Name(Reader):
    """Of a model or an alias, as the rest of the platform takes it."""

    def __init__(self, check: Any) -> None:
        super().__init__()
        self.check = check

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        try:
            with contextlib.suppress(ReservedAliasError):  # `latest` has a history too
                self.check(value, path=path)
        except SpecError as error:
            problems += error.problems
        return value


class AnyText(Reader):
    """Of people: whatever they wrote, as long as the database takes it."""

    def __init__(self, longest: int, *, optional: bool = False) -> None:
        super().__init__(optional=optional)
        self.longest = longest

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, str) or len(value) > self.longest or "\x00" in value:
            expected = f"a text of at most {self.longest} characters"
            problems.append(Problem(path, f"found {describe(value)}; expected {expected}"))
        return value


class WholeNumber(Reader):
    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            problems.append(Problem(path, f"found {describe(value)}; expected a number of bytes"))
        return value


def parse_number(text: Any) -> Number3 | None:
    match = NUMBER.fullmatch(text) if isinstance(text, str) else None
    number = tuple(map(int, match.groups())) if match else None
    canonical = number and ".".join(map(str, number)) == text and max(number) < HIGHEST_PART
    return number if canonical else None


def spelt(number: Number3) -> str:
    return ".".join(map(str, number))
