"""Times as people and programs write them."""

from __future__ import annotations

from datetime import datetime

from django.utils.dateparse import parse_datetime

from hamlet.errors import Problem, SpecError
from registry.pagination import in_utc


def read_time(text: str, path: str) -> datetime:
    """Raises: SpecError."""
    try:
        found = parse_datetime(text.replace(" ", "+"))  # a + in a query string arrives as a space
        if found is not None:
            return in_utc(found)
    except (ValueError, OverflowError):
        pass
    message = f"found {text[:60]!r}; expected a time such as 2026-11-20T12:00:00Z"
    raise SpecError([Problem(path, message)])
