"""A bound on the time of one search: a query that would keep the database busy is given up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

from registry.searching.errors import SearchError

LONGEST_S = 5.0
CANCELLED = "57014"  # PostgreSQL's query_canceled


@contextmanager
def bounded(query: str, seconds: float = LONGEST_S) -> Iterator[None]:
    """Give up reads that take longer. Without a query nothing is bounded and nothing is asked.

    Raises: SearchError for the query whose time was over.
    """
    if not query.strip():
        yield
        return
    try:
        with transaction.atomic():
            before = set_timeout(f"{seconds:g}s")
            yield
            set_timeout(before)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != CANCELLED:
            raise
        message = (
            f"this takes longer than {seconds:g} s; say more with AND, such as created > "
            "'2026-11-01', or compare with = instead of LIKE"
        )
        raise SearchError(query, 1, message) from None


def set_timeout(value: str) -> str:
    """For the rest of the transaction. Returns: what it was before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        (before,) = cursor.fetchone()
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [value])
    return before
