"""The tree of a query. Every leaf knows where it stands, for messages about it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

Value: TypeAlias = str | Decimal | bool


@dataclass(frozen=True)
class Field:
    """A name such as `status`, or a path such as `metrics.survival`.

    Attributes:
        parts: of the path, quotes taken away. text: as it was written. start: its place from 0.
    """

    parts: tuple[str, ...]
    text: str
    start: int


@dataclass(frozen=True)
class Literal:
    """A number, text, true or false."""

    value: Value
    text: str
    start: int


@dataclass(frozen=True)
class Comparison:
    """`field operator values`: one value, but for IN and NOT IN, which have some.

    `operator` is one of =, !=, <, <=, >, >=, IN, NOT IN, LIKE, NOT LIKE, ILIKE, NOT ILIKE.
    """

    field: Field
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Presence:
    """`EXISTS field`"""

    field: Field


@dataclass(frozen=True)
class Word:
    """A bare word, or a text alone: what is named so."""

    text: str
    start: int


@dataclass(frozen=True)
class Not:
    part: Node


@dataclass(frozen=True)
class And:
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    parts: tuple[Node, ...]


Node: TypeAlias = Comparison | Presence | Word | Not | And | Or
