"""Which things a request wants compared: by their keys, or the newest that a query finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from hamlet.errors import Problem, SpecError
from registry.searching.bounded import bounded
from registry.searching.compiling import condition
from registry.searching.fields import SearchFields
from registry.searching.lists import query_of

IDS, EVERY = "ids", "all"


def asked_keys(request: HttpRequest, each: str = "") -> list[str]:
    """The keys in `?ids=a,b` and, for a form, in `each=a&each=b`, without repeats."""
    listed = [key for text in request.GET.getlist(IDS) for key in text.split(",")]
    return list(dict.fromkeys(filter(None, [*listed, *request.GET.getlist(each)])))


def wants_every(request: HttpRequest) -> bool:
    return request.GET.get(EVERY, "") not in ("", "0", "false")


def check_count(keys: Sequence[str], most: int, noun: str) -> None:
    """Raises: SpecError."""
    if len(keys) > most:
        message = f"found {len(keys)} {noun}; at most {most} are compared at once"
        raise SpecError([Problem(IDS, message)])


def newest_found(
    request: HttpRequest, rows: QuerySet, order: Sequence[str], fields: SearchFields, most: int
) -> list[Any]:
    """Raises: SearchError."""
    query = query_of(request)
    found = rows.filter(condition(query, fields)).order_by(*order)
    with bounded(query):
        return list(found[:most])


def in_asked_order(
    rows: Iterable[Any], keys: Sequence[str], key_of: Callable[[Any], str]
) -> list[Any]:
    """The rows in the order of their keys; keys without a row are left out."""
    by_key = {key_of(row): row for row in rows}
    return [by_key[key] for key in keys if key in by_key]
