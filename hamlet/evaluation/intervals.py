"""A mean and the bounds that hold it. Whoever only shows one needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and the bounds that hold it with the given confidence."""

    mean: float
    low: float
    high: float
    confidence: float = CONFIDENCE

    def to_data(self) -> dict[str, Any]:
        return {
            "mean": self.mean,
            "low": self.low,
            "high": self.high,
            "confidence": self.confidence,
        }

    def __str__(self) -> str:
        return f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}]"
