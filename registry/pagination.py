"""Lists by keyset: every page costs the same, however far down it is, and nothing is counted.

A cursor holds the sort values of the last row shown. The next page starts after them, so rows
that are added or removed meanwhile neither repeat nor skip anything.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from hamlet.errors import Problem, SpecError

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_CURSOR_LENGTH = 1000


@dataclass(frozen=True)
class Page:
    """Some rows, and the cursor of the page that follows; None at the end."""

    items: list[Any]
    next_cursor: str | None


def paginate(
    queryset: QuerySet,
    order: Sequence[str],
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page:
    """One page of `queryset`.

    Args:
        order: field names, `-` for descending. Together they must be unique and never null, and
            an index on them keeps the page fast.
        cursor: of the page before, as it was given out; None for the first page.

    Raises: SpecError for a cursor that was not given out by this list.
    """
    queryset = queryset.order_by(*order)
    if cursor:
        queryset = queryset.filter(_after(order, _decode(queryset.model, order, cursor)))
    rows = list(queryset[: limit + 1])
    more = len(rows) > limit
    return Page(rows[:limit], _encode(order, rows[limit - 1]) if more else None)


def page_of(request: HttpRequest, queryset: QuerySet, order: Sequence[str]) -> Page:
    """The page that `?cursor=` and `?limit=` ask for. Raises: SpecError."""
    return paginate(
        queryset,
        order,
        cursor=request.GET.get("cursor") or None,
        limit=read_limit(request.GET.get("limit")),
    )


def page_data(
    request: HttpRequest,
    queryset: QuerySet,
    order: Sequence[str],
    to_data: Callable[[Any], dict],
) -> dict[str, Any]:
    """The body of a list on the API: `{"items": [...], "next": url or null}`."""
    page = page_of(request, queryset, order)
    return {
        "items": [to_data(item) for item in page.items],
        "next": next_url(request, page),
    }


def next_url(request: HttpRequest, page: Page) -> str | None:
    """The address of the following page, with the same filters."""
    if page.next_cursor is None:
        return None
    query = {key: value for key, value in request.GET.items() if key != "cursor"}
    return f"{request.path}?{urlencode({**query, 'cursor': page.next_cursor})}"


def read_limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT):
        message = f"found {text[:60]!r}; expected a whole number from 1 to {MAX_LIMIT}"
        raise SpecError([Problem("limit", message)])
    return int(text)


def in_utc(moment: datetime) -> datetime:
    """The same moment; one without a zone is taken for UTC.

    Raises: OverflowError where UTC has left the years 1 to 9999, which PostgreSQL cannot tell.
    """
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _after(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows that come after `values`: greater in the first field, or equal in it and so on."""
    condition = Q()
    for index, name in enumerate(order):
        step = Q(**{f"{name.lstrip('-')}__{'lt' if name.startswith('-') else 'gt'}": values[index]})
        equal = {field.lstrip("-"): values[i] for i, field in enumerate(order[:index])}
        condition |= Q(**equal) & step
    # Said once more for the first field alone, since an index can use a plain bound.
    first = order[0]
    bound = f"{first.lstrip('-')}__{'lte' if first.startswith('-') else 'gte'}"
    return Q(**{bound: values[0]}) & condition


def _encode(order: Sequence[str], row: Model) -> str:
    values = [_value(row, name.lstrip("-")) for name in order]
    text = json.dumps(values, cls=_ExactEncoder, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


class _ExactEncoder(DjangoJSONEncoder):
    """Keeps the microseconds of a time, without which a page would repeat rows."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)


def _value(row: Model, path: str) -> Any:
    for name in path.split("__"):
        row = getattr(row, name)
    return row


def _decode(model: type[Model], order: Sequence[str], cursor: str) -> list[Any]:
    try:
        if len(cursor) > MAX_CURSOR_LENGTH:
            raise ValueError
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(order):
            raise ValueError
        return [
            _read(model, name.lstrip("-"), value) for name, value in zip(order, values, strict=True)
        ]
    except (ValueError, TypeError, OverflowError, ValidationError, RecursionError):
        message = f"found {cursor[:60]!r}; expected a cursor as a list gave it out in `next`"
        raise SpecError([Problem("cursor", message)]) from None


def _read(model: type[Model], path: str, value: Any) -> Any:
    *relations, last = path.split("__")
    for name in relations:
        model = model._meta.get_field(name).related_model
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError
    if isinstance(value, str) and b"\x00" in value.encode():
        raise ValueError  # no text of PostgreSQL holds it, nor what UTF-8 cannot say
    field = model._meta.pk if last == "pk" else model._meta.get_field(last)
    read = field.to_python(value)
    field.run_validators(read)
    if isinstance(read, datetime):
        read = in_utc(read)
    return read
