"""What a metric is worth over seeds: runs that differ by nothing else tell chance from skill.

Source of the distribution: Abramowitz and Stegun 1964, "Handbook of Mathematical Functions",
26.7.3 and 26.7.4 (Student's t for a whole number of degrees of freedom).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean, stdev

from hamlet.evaluation.intervals import CONFIDENCE, Interval
from hamlet.schema import canonical_json
from registry.comparing.subjects import SEED, Subject, finite


@dataclass(frozen=True)
class SeedGroup:
    """Subjects that differ by their seed alone; of two with one seed the first counts.

    Attributes:
        members: places in the list of subjects, in order. seeds: theirs.
        intervals: by metric, over the members that have it, with how many those are.
    """

    members: tuple[int, ...]
    seeds: tuple[int, ...]
    intervals: dict[str, tuple[Interval, int]]


def seed_groups(subjects: Sequence[Subject]) -> list[SeedGroup]:
    """Groups of two and more seeds, in the order of their first members."""
    members: dict[str, dict[int, int]] = {}
    for place, subject in enumerate(subjects):
        if subject.seed is not None:
            rest = {name: value for name, value in subject.parameters.items() if name != SEED}
            members.setdefault(canonical_json(rest), {}).setdefault(subject.seed, place)
    return [
        SeedGroup(tuple(found.values()), tuple(found), intervals(subjects, found.values()))
        for found in members.values()
        if len(found) > 1
    ]


def intervals(
    subjects: Sequence[Subject], members: Iterable[int]
) -> dict[str, tuple[Interval, int]]:
    found: dict[str, list[float]] = {}
    for place in members:
        for name, value in subjects[place].metrics.items():
            if (number := finite(value)) is not None:
                found.setdefault(name, []).append(number)
    return {
        name: (student_interval(values), len(values))
        for name, values in sorted(found.items())
        if len(values) > 1
    }


def student_interval(values: Sequence[float]) -> Interval:
    """The mean of at least two numbers and the interval that holds the true one, by Student's t.

    For the few seeds there are, a bootstrap would promise too much.
    """
    mean = fmean(values)
    half = student_quantile(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half, CONFIDENCE)


@cache
def student_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """t such that a variable of this many degrees of freedom lies in [-t, t] so often."""
    low, high = 0.0, 1.0
    while student_within(high, freedom) < confidence:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        if student_within(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return high


def student_within(t: float, freedom: int) -> float:
    """The probability of [-t, t]."""
    angle = math.atan2(t, math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0
    for step in range(2 + odd, freedom + 1, 2):
        total += term
        term *= cosine * cosine * (step - 1) / step
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
