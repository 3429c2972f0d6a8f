"""What a finished epoch of a fit says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FitEpoch:
    """A finished epoch.

    Attributes:
        number: from 1. metrics: by the names of the specification.
        improved: whether its validation loss is the lowest so far.
        stop: why it was the last, in words; empty if others follow.
    """

    number: int
    metrics: dict[str, float]
    improved: bool
    stop: str = ""
