"""Keys under which a request may be sent again without being done again."""

from __future__ import annotations

import re
from typing import TypeVar

from django.db.models import Model, QuerySet

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe

Row = TypeVar("Row", bound=Model)
KEY = re.compile(r"[\x21-\x7e]{1,100}")


def check_key(key: str | None) -> None:
    """Raises: SpecError unless it is a key; None is none."""
    if key is not None and not KEY.fullmatch(key):
        message = f"found {describe(key)}; expected 1 to 100 printable characters"
        raise SpecError([Problem("Idempotency-Key", message)])


def made_before(
    own: QuerySet[Row],
    key: str | None,
    asked: str,
    what: str,
    error: type[Exception],
    *,
    named_by: str = "pk",
) -> Row | None:
    """What an earlier request with this key made.

    Args:
        own: rows of the asker, each with `idempotency_key` and `request_hash`.
        asked: hash of the request at hand. what: such a row, for people.
    Raises: error, if the key was used with another body.
    """
    row = None if key is None else own.filter(idempotency_key=key).first()
    if row is not None and row.request_hash != asked:
        raise error(
            f"The key {key!r} was used before, with another body ({what} "
            f"{getattr(row, named_by)}). Use a new key for a new {what}."
        )
    return row
