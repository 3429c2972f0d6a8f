"""From a query to a Q object, with every name and type checked."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import F, Q

from hamlet.schema import hint
from registry.searching import expressions as sql
from registry.searching.errors import SearchError
from registry.searching.fields import Kind, Refusal, SearchFields
from registry.searching.parsing import parse
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


def condition(query: str, fields: SearchFields) -> Q:
    """What the query says, as a condition on the rows of the table.

    An empty query is true of every row. Comparing something that a row does not have is false,
    and NOT of it true: there is no third answer.

    Raises: SearchError with the place of the first fault.
    """
    if not query.strip():
        return Q()
    return Compiler(query, fields).condition(parse(query))


class Compiler:
    """One query for one table."""

    def __init__(self, query: str, fields: SearchFields) -> None:
        self.query, self.fields = query, fields

    def condition(self, node: Node, negated: bool = False) -> Q:
        """NOT moves down to the leaves, which alone can be neither true nor false in SQL."""
        if isinstance(node, Not):
            return self.condition(node.part, not negated)
        if isinstance(node, And | Or):
            parts = [self.condition(part, negated) for part in node.parts]
            every = isinstance(node, And) is not negated
            return Q(*parts, _connector=Q.AND if every else Q.OR)
        found = self.leaf(node)
        return sql.is_not_true(found) if negated else found

    def leaf(self, node: Comparison | Presence | Word) -> Q:
        if isinstance(node, Word):
            return self.word(node)
        kind, parts = self.kind_of(node.field)
        if isinstance(node, Presence):
            return kind.present(parts)
        if node.operator == "IN":
            return Q(
                *(self.compare(node, kind.compare, parts, "=", value) for value in node.values),
                _connector=Q.OR,
            )
        if node.operator == "NOT IN":
            return Q(
                *(self.compare(node, kind.compare, parts, "!=", value) for value in node.values)
            )
        return self.compare(node, kind.compare, parts, node.operator, node.values[0])

    def compare(
        self,
        node: Comparison,
        compare: Callable[..., Q],
        parts: tuple[str, ...],
        operator: str,
        value: Literal,
    ) -> Q:
        try:
            return compare(parts, operator, value.value)
        except Refusal as refusal:
            if refusal.of_operator:
                place = node.field.start
                message = f"found {node.field.text} {node.operator}; {refusal.expected}"
                raise SearchError(self.query, place + 1, message, node.field.text) from None
            message = f"found {value.text[:60]} for {node.field.text}; {refusal.expected}"
            raise SearchError(self.query, value.start + 1, message, value.text) from None

    def word(self, node: Word) -> Q:
        if node.text in self.fields.fields:
            message = f"found {node.text} alone; expected a comparison, as in: {self.example(node)}"
            raise SearchError(self.query, node.start + 1, message, node.text)
        pattern = "%" + "".join(f"\\{c}" if c in "\\%_" else c for c in node.text) + "%"
        return sql.compare_text(F(self.fields.words), "ILIKE", pattern)

    def example(self, node: Word) -> str:
        dotted = ".x" if self.fields.fields[node.text].takes_path else ""
        return f"{node.text}{dotted} = 3 or EXISTS {node.text}{dotted}"

    def kind_of(self, field: Field) -> tuple[Kind, tuple[str, ...]]:
        """The kind of the field, and the rest of its path. Raises: SearchError."""
        first, *rest = field.parts
        kind = self.fields.fields.get(first)
        if kind is None:
            raise self.unknown(field, first)
        if (kind.takes_path and not all(field.parts[1:])) or kind.takes_path is not bool(rest):
            wanted = f"{first}. and a name" if kind.takes_path else f"{first} without a dot"
            message = f"found {field.text[:60]}; expected {wanted}"
            raise SearchError(self.query, field.start + 1, message, field.text)
        return kind, tuple(rest)

    def unknown(self, field: Field, first: str) -> SearchError:
        known = self.fields.fields
        if first in self.fields.elsewhere:
            message = f"{self.fields.of} have no {first}: {self.fields.elsewhere[first]}"
        else:
            names = ", ".join(f"{n}.x" if known[n].takes_path else n for n in known)
            close = hint(first, known)
            message = f"found {field.text[:60]}; {self.fields.of} are searched by {names}{close}"
        return SearchError(self.query, field.start + 1, message, field.text)
