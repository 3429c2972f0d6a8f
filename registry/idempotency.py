"""Keys under which a request may be sent again without being done again."""

from __future__ import annotations

import re

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe

KEY = re.compile(r"[\x21-\x7e]{1,100}")


def check_key(key: str | None) -> None:
    """Raises: SpecError unless it is a key; None is none."""
    if key is not None and not KEY.fullmatch(key):
        message = f"found {describe(key)}; expected 1 to 100 printable characters"
        raise SpecError([Problem("Idempotency-Key", message)])
