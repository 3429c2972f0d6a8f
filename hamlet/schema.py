"""Check documents that people write: YAML in, plain validated data out, every fault named.

A schema is a tree of small readers, the leaves of which are in `hamlet.readers`.
`validate(schema, data)` returns the data with defaults written out, or raises `SpecError` with one
`path: message` for each fault. Nothing is ignored: a key that the schema does not know is a fault.

The library may import torch, numpy, safetensors and PyYAML only, so this stands in for pydantic.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.readers import (
    REQUIRED,
    Choice,
    Flag,
    Integer,
    ListOf,
    MapOf,
    Number,
    Reader,
    Text,
    Unread,
    is_finite,
)
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
    "Unread",
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
    """The one spelling of plain data that hashes are taken from: sorted keys, no spaces.

    Raises: SpecError for data nested without end, or nearly so.
    """
    try:
        return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except RecursionError:
        message = "nested too deeply to be written as JSON"
        raise SpecError([Problem("(document)", message)]) from None


def content_hash(data: Any) -> str:
    """sha256 of `canonical_json(data)`, written `sha256:<hex>`."""
    return "sha256:" + hashlib.sha256(canonical_json(data).encode()).hexdigest()
