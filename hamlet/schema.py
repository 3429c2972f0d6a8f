"""Check documents that people write: YAML in, plain validated data out, every fault named.

A schema is a tree of small readers. `validate(schema, data)` returns the data with defaults
written out, or raises `SpecError` with one `path: message` for each fault. Nothing is ignored:
a key that the schema does not know is a fault.

The library may import torch, numpy, safetensors and PyYAML only, so this stands in for pydantic.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.wording import describe, hint, join, spell
from hamlet.yaml_documents import MAX_DEPTH, MAX_DOCUMENT_BYTES, read_yaml, write_yaml

__all__ = [
    "MAX_DEPTH",
    "MAX_DOCUMENT_BYTES",
    "REQUIRED",
    "Choice",
    "Flag",
    "Integer",
    "ListOf",
    "MapOf",
    "Number",
    "Reader",
    "Rule",
    "Section",
    "Tagged",
    "Text",
    "canonical_json",
    "content_hash",
    "describe",
    "hint",
    "is_finite",
    "join",
    "read_yaml",
    "spell",
    "validate",
    "write_yaml",
]

MAX_UNKNOWN_FIELDS = 20  # named one by one; the rest is counted
# Control characters other than tab and line ends, and halves of a surrogate pair.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
REQUIRED: Any = object()


class Reader:
    """Reads one value. Subclasses check it in `read` and append to `problems`."""

    def __init__(self, default: Any = REQUIRED, *, optional: bool = False) -> None:
        self.default = default
        self.optional = optional  # None is allowed

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        raise NotImplementedError

    def read_or_none(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if value is None and self.optional:
            return None
        return self.read(value, path, problems)


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


Rule = Callable[[dict[str, Any]], Iterable[Problem]]


class Section(Reader):
    """A mapping with known keys. A key without default must be there; no other may be.

    `refused` names keys that exist elsewhere and says why not here. Each of `rules` sees the
    cleaned mapping, once every field has been found good by itself, and yields a Problem, its
    path relative to the section, for what only shows in several fields together.
    """

    def __init__(
        self,
        fields: Mapping[str, Reader],
        *,
        default: Any = REQUIRED,
        optional: bool = False,
        refused: Mapping[str, str] | None = None,
        rules: Sequence[Rule] = (),
    ):
        super().__init__(default, optional=optional)
        self.fields, self.refused, self.rules = dict(fields), dict(refused or {}), tuple(rules)

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, Mapping):
            message = f"found {describe(value)}; expected a mapping"
            problems.append(Problem(path or "(document)", message))
            return value
        before = len(problems)
        self._refuse_others(value, path, problems)
        cleaned = {}
        for name, reader in self.fields.items():
            here = join(path, name)
            if name in value:
                cleaned[name] = reader.read_or_none(value[name], here, problems)
            elif reader.default is REQUIRED:
                problems.append(Problem(here, "missing; it has no default"))
            elif reader.default is None:
                cleaned[name] = None
            else:
                cleaned[name] = reader.read_or_none(reader.default, here, problems)
        if len(problems) == before:
            for rule in self.rules:
                for problem in rule(cleaned):
                    problems.append(Problem(join(path, problem.path), problem.message))
        return cleaned

    def _refuse_others(self, value: Mapping, path: str, problems: list[Problem]) -> None:
        others = [key for key in value if key not in self.fields]
        for key in others[:MAX_UNKNOWN_FIELDS]:
            known = ", ".join(self.fields)
            reason = self.refused.get(key) if isinstance(key, str) else None
            message = reason or f"unknown field; expected one of {known}{hint(key, self.fields)}"
            problems.append(Problem(join(path, key), message))
        if len(others) > MAX_UNKNOWN_FIELDS:
            message = f"{len(others) - MAX_UNKNOWN_FIELDS} more unknown fields"
            problems.append(Problem(path or "(document)", message))


class Tagged(Reader):
    """A mapping in which the value of one field, the tag, decides which other fields there are.

    A field of another variant is refused by name, since accepting and ignoring it would hide
    a mistake. `common` fields stand beside every variant.
    """

    def __init__(
        self,
        tag: str,
        variants: Mapping[Any, Mapping[str, Reader]],
        *,
        common: Mapping[str, Reader] | None = None,
        tag_default: Any = REQUIRED,
        default: Any = REQUIRED,
        optional: bool = False,
        refused: Mapping[str, str] | None = None,
        rules: Sequence[Rule] = (),
    ):
        super().__init__(default, optional=optional)
        self.tag, self.tag_reader = tag, Choice(*variants, default=tag_default)
        self.sections = {}
        for name, fields in variants.items():
            elsewhere = dict(refused or {})
            for field in {field for others in variants.values() for field in others}:
                homes = [other for other, others in variants.items() if field in others]
                if name not in homes:
                    where = " or ".join(map(spell, homes))
                    elsewhere[field] = f"only with {tag} {where}; {tag} is {spell(name)}"
            every = {tag: self.tag_reader, **(common or {}), **fields}
            self.sections[name] = Section(every, refused=elsewhere, rules=rules)

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, Mapping):
            message = f"found {describe(value)}; expected a mapping"
            problems.append(Problem(path or "(document)", message))
            return value
        found = value.get(self.tag, self.tag_reader.default)
        here = join(path, self.tag)
        if found is REQUIRED:
            allowed = ", ".join(map(spell, self.sections))
            problems.append(Problem(here, f"missing; expected one of {allowed}"))
            return value
        before = len(problems)
        self.tag_reader.read(found, here, problems)
        # Without a good tag nobody can say which other fields are wrong.
        return value if len(problems) > before else self.sections[found].read(value, path, problems)


def validate(schema: Reader, data: Any, path: str = "") -> Any:
    """Check `data` and write its defaults out.

    Returns: plain data (dict, list, str, int, float, bool, None) in the schema's key order.
    Raises: SpecError naming every fault.
    """
    problems: list[Problem] = []
    cleaned = schema.read_or_none(data, path, problems)
    if problems:
        raise SpecError(problems)
    return cleaned


def canonical_json(data: Any) -> str:
    """The one spelling of plain data that hashes are taken from: sorted keys, no spaces."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(data: Any) -> str:
    """sha256 of `canonical_json(data)`, written `sha256:<hex>`."""
    return "sha256:" + hashlib.sha256(canonical_json(data).encode()).hexdigest()


def is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int too large for a float
        return False
