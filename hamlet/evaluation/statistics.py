"""How sure a measured mean is: bootstrap intervals, also of paired differences.

Letters: E episodes, R resamples.
Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13 (percentile
intervals).
"""

from __future__ import annotations

import torch
from torch import Tensor

from hamlet.errors import ShapeError
from hamlet.evaluation.intervals import CONFIDENCE, Interval

RESAMPLES = 10_000
NUMBERS_AT_ONCE = 4_000_000  # 32 MB of float64


def mean_interval(
    values: Tensor,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval:
    """The mean of E numbers and its percentile bootstrap interval.

    Args: values: [E]. seed: of the resampling; the same seed gives the same interval.

    Raises: ShapeError if there are no values; a mean of nothing says nothing.
    """
    if values.ndim != 1 or not len(values):
        raise ShapeError(f"found values of shape {list(values.shape)}; expected [episodes], some")
    exact = values.detach().to("cpu", torch.float64)
    generator = torch.Generator().manual_seed(seed)
    at_once = max(1, NUMBERS_AT_ONCE // len(exact))
    means = []
    for begin in range(0, resamples, at_once):
        count = min(at_once, resamples - begin)
        drawn = torch.randint(len(exact), (count, len(exact)), generator=generator)
        means.append(exact[drawn].mean(dim=1))
    outside = (1.0 - confidence) / 2
    bounds = torch.tensor([outside, 1.0 - outside], dtype=torch.float64)
    low, high = torch.cat(means).quantile(bounds).tolist()
    return Interval(float(exact.mean()), low, high, confidence)


def paired_difference(
    ours: Tensor,
    theirs: Tensor,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval:
    """The mean of ours - theirs, episode by episode, with its interval.

    Both played the same episodes, so luck with the map cancels out.

    Args: ours, theirs: [E], entry i of both from the same episode.

    Raises: ShapeError if they are not of one length.
    """
    if ours.shape != theirs.shape:
        raise ShapeError(
            f"found {list(ours.shape)} against {list(theirs.shape)} episodes; expected the same "
            "episodes in the same order"
        )
    difference = ours.to(torch.float64) - theirs.to(torch.float64)
    return mean_interval(difference, seed=seed, resamples=resamples, confidence=confidence)
