"""A mean and the bounds that hold it. Whoever only shows one needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
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


def wilson_interval(hits: int, total: int, *, confidence: float = CONFIDENCE) -> Interval:
    """The share of hits, with bounds that hold near 0 and 1 too.

    Raises: ValueError if there is nothing to take a share of, or more hits than that.
    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    if total < 1 or not 0 <= hits <= total:
        raise ValueError(
            f"found {hits} of {total}; expected at least 1, and no more hits than that"
        )
    z = NormalDist().inv_cdf((1.0 + confidence) / 2)
    share = hits / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    spread = share * (1 - share) / total + z * z / (4 * total * total)
    reach = z * spread**0.5 / (1 + z * z / total)
    # The bound on the side of 0 or 1 is exactly that where all or none are hits.
    low = 0.0 if hits == 0 else middle - reach
    high = 1.0 if hits == total else middle + reach
    return Interval(share, low, high, confidence)
