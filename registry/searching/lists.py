"""Lists that are searched: the parameter `q` of a request, one page of what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter

from registry.pagination import Page, next_url, page_of
from registry.searching.bounded import bounded
from registry.searching.compiling import condition
from registry.searching.errors import SearchError
from registry.searching.fields import SearchFields

PARAMETER = "q"


def query_of(request: HttpRequest) -> str:
    return request.GET.get(PARAMETER, "")


def found_page(
    request: HttpRequest, rows: QuerySet, order: Sequence[str], fields: SearchFields
) -> Page:
    """The page of `rows` that `?q=`, `?cursor=` and `?limit=` ask for.

    Raises: SearchError for the query, SpecError for the cursor or the limit.
    """
    query = query_of(request)
    found = rows.filter(condition(query, fields))
    with bounded(query):
        return page_of(request, found, order)


def found_data(
    request: HttpRequest,
    rows: QuerySet,
    order: Sequence[str],
    fields: SearchFields,
    to_data: Callable[[Any], dict],
) -> dict[str, Any]:
    """The body of a searched list on the API, as `pagination.page_data`. Raises: as found_page."""
    page = found_page(request, rows, order, fields)
    return {"items": [to_data(row) for row in page.items], "next": next_url(request, page)}


@dataclass(frozen=True)
class SearchBox:
    """What `registry/_search.html` needs."""

    query: str
    fields: SearchFields
    error: SearchError | None = None

    def refusing(self, error: SearchError) -> SearchBox:
        return replace(self, error=error)

    @property
    def status(self) -> int:
        return 422 if self.error else 200

    @property
    def names(self) -> list[tuple[str, str]]:
        """(name as it is written, what its values are) of every field."""
        return [
            (f"{name}.x" if kind.takes_path else name, kind.wanted)
            for name, kind in self.fields.fields.items()
        ]


def search_box(request: HttpRequest, fields: SearchFields) -> SearchBox:
    return SearchBox(query_of(request), fields)


def search_parameter(fields: SearchFields) -> OpenApiParameter:
    """`q` in the OpenAPI document, with what it may say here."""
    names = ", ".join(f"{n}.x" if kind.takes_path else n for n, kind in fields.fields.items())
    return OpenApiParameter(
        PARAMETER,
        str,
        description=f"a query about {fields.of}; fields: {names}",
    )
