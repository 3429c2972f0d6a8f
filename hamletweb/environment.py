"""Numbers as the environment gives them, refused at the start where they cannot be meant.

One that is only found wrong when it is used turns the requests of a running server into errors.
"""

from __future__ import annotations

import math
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

from registry.serving.log.sampling import read_share

env = environ.Env()


def whole_number(name: str, default: int, *, least: int = 0) -> int:
    """Raises: ImproperlyConfigured naming the variable, what it holds and what is expected."""
    value = _read(name, int, "a whole number")
    if value is not None and value < least:
        raise _wrong(name, value, f"{least} or more")
    return default if value is None else value


def seconds(name: str, default: float, *, below: float = math.inf) -> float:
    """More than none, and less than `below`. Raises: as `whole_number`."""
    value = _read(name, float, "a number of seconds")
    if value is not None and not 0.0 < value < below:
        limit = "" if below == math.inf else f" and below {below:g}"
        raise _wrong(name, value, f"seconds, more than 0{limit}")
    return default if value is None else value


def share(name: str, default: float) -> float:
    """Raises: as `whole_number`."""
    value = _read(name, float, "a share from 0 to 1, as in 0.01")
    if value is not None and not 0.0 <= value <= 1.0:
        raise _wrong(name, value, "a share from 0 to 1, as in 0.01")
    return default if value is None else value


def time_of_day(name: str, default: str) -> time:
    """As `02:00`. Raises: ImproperlyConfigured."""
    text = env(name, default=default)
    try:
        found = time.fromisoformat(text)
    except ValueError:
        raise _wrong(name, repr(text), "a time of day, as in 02:00") from None
    if found.tzinfo is not None:
        raise _wrong(name, repr(text), "a time of day without a zone, as in 02:00")
    return found


def time_zone(name: str, default: str) -> ZoneInfo:
    """By its name in the IANA database. Raises: ImproperlyConfigured."""
    text = env(name, default=default)
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        raise _wrong(name, repr(text), "a time zone, as in Europe/Berlin or UTC") from None


def kept_predictions(name: str, default: str) -> str:
    """`off`, `full` or `sampled:<share>`. Raises: ImproperlyConfigured."""
    text = env(name, default=default)
    read_share(text)
    return text


def _read(name: str, kind: type[int] | type[float], expected: str) -> Any:
    """None where the environment has no such variable, or nothing in it."""
    text = env(name, default=None)
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        raise _wrong(name, repr(text), expected) from None


def _wrong(name: str, found: object, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}: found {found}; expected {expected}.")
