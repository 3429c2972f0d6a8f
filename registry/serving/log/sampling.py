"""Which predictions are kept: HAMLET_PREDICTION_LOG is off, full, or sampled:<share>."""

from __future__ import annotations

import functools
import random

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def is_kept() -> bool:
    """Draws for one row."""
    share = read_share(settings.PREDICTION_LOG)
    return share >= 1.0 or (share > 0.0 and random.random() < share)


@functools.cache
def read_share(text: str) -> float:
    """Raises: ImproperlyConfigured."""
    if text == "off":
        return 0.0
    if text == "full":
        return 1.0
    kind, _, number = text.partition(":")
    try:
        share = float(number)
    except ValueError:
        share = -1.0
    if kind != "sampled" or not 0.0 <= share <= 1.0:
        raise ImproperlyConfigured(
            f"HAMLET_PREDICTION_LOG: found {text!r}; expected off, full or sampled:<share> with a "
            "share from 0 to 1, as in sampled:0.1."
        )
    return share
