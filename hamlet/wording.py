"""How messages spell values, paths and suggestions: short, and safe to show."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


def describe(value: Any) -> str:
    """A short, safe spelling of a wrong value for a message."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    if isinstance(value, int) and value.bit_length() > 128:
        return "a number of more than 38 digits"
    # A long text is cut before it is spelt, since it may be all the stranger sent.
    shown = repr(value[:61] if isinstance(value, str | bytes) else value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def hint(value: Any, known: Iterable[Any]) -> str:
    """` (did you mean ...?)` where a known name is close."""
    names = [name for name in known if isinstance(name, str)]
    close = difflib.get_close_matches(value[:60], names, n=1) if isinstance(value, str) else []
    return f" (did you mean {close[0]}?)" if close else ""


def spell(value: Any) -> str:
    """As YAML spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def join(path: str, key: Any) -> str:
    name = key if isinstance(key, str) and len(key) <= 60 else describe(key)
    return f"{path}.{name}" if path else str(name)
