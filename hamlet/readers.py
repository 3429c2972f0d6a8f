"""Readers of single values, lists and free mappings: the leaves of a schema.

Each checks one value and says what was found and what was expected, with the path of the value.
`hamlet.schema` puts them together to sections and documents.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from hamlet.errors import Problem
from hamlet.wording import describe, hint, join, spell

# Control characters other than tab and line ends, and halves of a surrogate pair.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
REQUIRED: Any = object()


class Reader(ABC):
    """Reads one value. Subclasses check it in `read` and append to `problems`."""

    def __init__(self, default: Any = REQUIRED, *, optional: bool = False) -> None:
        self.default = default
        self.optional = optional  # None is allowed

    @abstractmethod
    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        """The value as it is used from here on; what is wrong with it goes into `problems`."""

    def read_or_none(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if value is None and self.optional:
            return None
        return self.read(value, path, problems)


class Unread(Reader):
    """A value that somebody else reads; here only its kind is looked at.

    Args: kind: a type, or several. expected: what to call it in messages.
    """

    def __init__(
        self,
        kind: Any = object,
        expected: str = "",
        *,
        default: Any = REQUIRED,
        optional: bool = False,
    ):
        super().__init__(default, optional=optional)
        self.kind, self.expected = kind, expected

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, self.kind):
            problems.append(Problem(path, f"found {describe(value)}; expected {self.expected}"))
        return value


class Flag(Reader):
    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, bool):
            problems.append(Problem(path, f"found {describe(value)}; expected true or false"))
        return value


class Integer(Reader):
    def __init__(self, low: int, high: int, default: Any = REQUIRED, *, optional: bool = False):
        super().__init__(default, optional=optional)
        self.low, self.high = low, high

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        expected = f"expected a whole number from {self.low} to {self.high}"
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not self.low <= value <= self.high:
            problems.append(Problem(path, f"found {describe(value)}; {expected}"))
        return value


class Number(Reader):
    """A finite float in [low, high]; `above` and `below` make a bound exclusive."""

    def __init__(
        self,
        low: float,
        high: float,
        default: Any = REQUIRED,
        *,
        above: bool = False,
        below: bool = False,
        optional: bool = False,
    ):
        super().__init__(default, optional=optional)
        self.low, self.high, self.above, self.below = low, high, above, below

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not is_finite(value):
            problems.append(Problem(path, f"found {describe(value)}; expected {self.range()}"))
            return value
        too_low = value <= self.low if self.above else value < self.low
        too_high = value >= self.high if self.below else value > self.high
        if too_low or too_high:
            problems.append(Problem(path, f"found {value!r}; expected {self.range()}"))
        return float(value)

    def range(self) -> str:
        low = f"above {self.low:g}" if self.above else f"from {self.low:g}"
        return f"a number {low} {'below' if self.below else 'to'} {self.high:g}"


class Text(Reader):
    def __init__(
        self,
        default: Any = REQUIRED,
        *,
        longest: int = 200,
        pattern: str | None = None,
        shape: str = "",
        optional: bool = False,
    ):
        super().__init__(default, optional=optional)
        self.longest, self.pattern, self.shape = longest, pattern, shape

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, str):
            problems.append(Problem(path, f"found {describe(value)}; expected text"))
        elif len(value) > self.longest:
            message = f"found {len(value)} characters; expected at most {self.longest}"
            problems.append(Problem(path, message))
        elif unprintable := UNPRINTABLE.search(value):
            shown = f"U+{ord(unprintable.group()):04X}"
            problems.append(Problem(path, f"found the character {shown}; expected printable text"))
        elif self.pattern and not re.fullmatch(self.pattern, value):
            message = f"found {describe(value)}; expected {self.shape or self.pattern}"
            problems.append(Problem(path, message))
        return value


class Choice(Reader):
    def __init__(self, *allowed: Any, default: Any = REQUIRED, optional: bool = False):
        super().__init__(default, optional=optional)
        self.allowed = allowed

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        # The type is compared too, since True == 1 in Python.
        if not any(type(value) is type(item) and value == item for item in self.allowed):
            allowed = ", ".join(map(spell, self.allowed))
            message = (
                f"found {describe(value)}; expected one of {allowed}{hint(value, self.allowed)}"
            )
            problems.append(Problem(path, message))
        return value


class ListOf(Reader):
    def __init__(
        self,
        item: Reader,
        *,
        shortest: int = 0,
        longest: int = 64,
        unique: bool = False,
        default: Any = REQUIRED,
        optional: bool = False,
    ):
        super().__init__(default, optional=optional)
        self.item, self.shortest, self.longest, self.unique = item, shortest, longest, unique

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, list):
            problems.append(Problem(path, f"found {describe(value)}; expected a list"))
            return value
        if not self.shortest <= len(value) <= self.longest:
            message = f"found {len(value)} entries; expected {self.shortest} to {self.longest}"
            problems.append(Problem(path, message))
            return value
        items = [
            self.item.read_or_none(item, f"{path}[{index}]", problems)
            for index, item in enumerate(value)
        ]
        if self.unique:
            for index, item in enumerate(items):
                if item in items[:index]:
                    problems.append(Problem(f"{path}[{index}]", f"{describe(item)} stands twice"))
        return items


class MapOf(Reader):
    """A mapping from free names, each matching `key`, to values of one kind."""

    def __init__(self, key: Reader, item: Reader, *, longest: int = 64, default: Any = REQUIRED):
        super().__init__(default)
        self.key, self.item, self.longest = key, item, longest

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, Mapping):
            problems.append(Problem(path, f"found {describe(value)}; expected a mapping"))
            return value
        if len(value) > self.longest:
            message = f"found {len(value)} entries; expected at most {self.longest}"
            problems.append(Problem(path, message))
            return value
        cleaned = {}
        for key, item in value.items():
            here = join(path, key)
            self.key.read(key, here, problems)
            cleaned[key] = self.item.read_or_none(item, here, problems)
        return cleaned


def is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int too large for a float
        return False
