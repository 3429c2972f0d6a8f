"""The few pieces of SQL that a query becomes. Every value is a parameter; nothing is pasted in.

A condition about something that is missing is NULL in SQL. Above these pieces stand only AND and
OR, for which NULL and false are one in a WHERE; NOT is `is_not_true`, which turns both into true.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BooleanField,
    DecimalField,
    ExpressionWrapper,
    F,
    Func,
    JSONField,
    Q,
    TextField,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Collate

SQL_OPERATORS = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
ORDERED = frozenset({"<", "<=", ">", ">="})
LIKES = {"LIKE": "LIKE", "ILIKE": "ILIKE", "NOT LIKE": "NOT LIKE", "NOT ILIKE": "NOT ILIKE"}
CODE_POINTS = "C"  # texts are ordered by code points, whatever the server's language


class Predicate(Func):
    """`(left operator right)`. The operator is one of ours, never of the query's text."""

    template = "(%(expressions)s)"

    def __init__(self, left: Combinable, operator: str, right: Combinable) -> None:
        super().__init__(left, right, arg_joiner=f" {operator} ", output_field=BooleanField())


class IsNotTrue(Func):
    """False and NULL become true."""

    template = "((%(expressions)s) IS NOT TRUE)"

    def __init__(self, condition: Q) -> None:
        wrapped = ExpressionWrapper(condition, output_field=BooleanField())
        super().__init__(wrapped, output_field=BooleanField())


class Row(Func):
    """`ROW(a, b, c)`, compared from left to right."""

    function = "ROW"
    output_field = TextField()


def is_not_true(condition: Q) -> Q:
    return Q(IsNotTrue(condition))


def text(value: str) -> Value:
    return Value(value, output_field=TextField())


def number(value: Decimal) -> Value:
    return Value(value, output_field=DecimalField())


def compare_text(column: Combinable, operator: str, value: str) -> Q:
    if operator in LIKES:
        return Q(Predicate(column, LIKES[operator], text(value)))
    if operator in ORDERED:
        column = Collate(column, CODE_POINTS)
    return Q(Predicate(column, SQL_OPERATORS[operator], text(value)))


def compare_number(column: Combinable, operator: str, value: Decimal) -> Q:
    return Q(Predicate(column, SQL_OPERATORS[operator], number(value)))


def compare_row(columns: Sequence[str], operator: str, values: Sequence[int]) -> Q:
    left = Row(*(F(name) for name in columns))
    right = Row(*(Value(value) for value in values))
    return Q(Predicate(left, SQL_OPERATORS[operator], right))


# -- JSON columns


def at_path(column: str, path: Sequence[str]) -> Func:
    return step(column, " #> ", path, JSONField())


def text_at_path(column: str, path: Sequence[str]) -> Func:
    return step(column, " #>> ", path, TextField())


def step(column: str, operator: str, path: Sequence[str], output_field: Any) -> Func:
    keys = Cast(Value(list(path), output_field=ArrayField(TextField())), ArrayField(TextField()))
    return Func(
        F(column),
        keys,
        template="(%(expressions)s)",
        arg_joiner=operator,
        output_field=output_field,
    )


def json_value(value: str | Decimal | bool) -> Func:
    """The value as a jsonb constant. A number keeps every digit it was written with."""
    spelt = str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
    return Func(text(spelt), template="%(expressions)s::jsonb", output_field=JSONField())


JSON_TYPES = {bool: "boolean", Decimal: "number", str: "string"}


def compare_json(column: str, path: Sequence[str], operator: str, value: Any) -> Q:
    """True where the value at the path has the type of `value` and compares so."""
    found = at_path(column, path)
    if operator == "=":
        return Q(Predicate(found, "=", json_value(value)))  # equal values have equal types
    has_type = Q(Predicate(json_type(found), "=", text(JSON_TYPES[type(value)])))
    if isinstance(value, str):
        return has_type & compare_text(text_at_path(column, path), operator, value)
    # Numbers are compared with all their digits; only two of one type are ordered at all.
    return has_type & Q(Predicate(found, SQL_OPERATORS[operator], json_value(value)))


def json_present(column: str, path: Sequence[str]) -> Q:
    return Q(Predicate(json_type(at_path(column, path)), "<>", text("null")))


def json_type(found: Func) -> Func:
    return Func(found, function="jsonb_typeof", output_field=TextField())
