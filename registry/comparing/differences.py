"""From subjects to the tables of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from registry.comparing.seeds import SeedGroup, seed_groups
from registry.comparing.subjects import Subject, finite, flatten

# Words in the name of a metric of which less is better.
LESS_IS_BETTER = ("loss", "error", "regret", "penalty", "latency", "seconds", "_ms")
MISSING = object()


@dataclass(frozen=True)
class Parameter:
    """One parameter of all subjects; None where a subject does not have it."""

    name: str
    values: tuple[Any, ...]
    differs: bool


@dataclass(frozen=True)
class Metric:
    """One metric of all subjects. best: places of the best values; empty if they do not differ."""

    name: str
    values: tuple[float | None, ...]
    best: tuple[int, ...]
    less_is_better: bool


@dataclass(frozen=True)
class Comparison:
    """`hidden`: how many parameters are equal everywhere and were left out."""

    subjects: tuple[Subject, ...]
    parameters: tuple[Parameter, ...]
    metrics: tuple[Metric, ...]
    groups: tuple[SeedGroup, ...]
    hidden: int


def compare(subjects: Sequence[Subject], *, every: bool = False) -> Comparison:
    """every: parameters that are the same for all, too."""
    found = parameters_of(subjects)
    shown = tuple(parameter for parameter in found if every or parameter.differs)
    return Comparison(
        tuple(subjects),
        shown,
        metrics_of(subjects),
        tuple(seed_groups(subjects)),
        len(found) - len(shown),
    )


def parameters_of(subjects: Sequence[Subject]) -> list[Parameter]:
    flat = [flatten(subject.parameters) for subject in subjects]
    names = dict.fromkeys(name for columns in flat for name in columns)
    return [parameter_of(name, [columns.get(name, MISSING) for columns in flat]) for name in names]


def parameter_of(name: str, values: Sequence[Any]) -> Parameter:
    first = values[0]
    # 1 and true are equal in Python, but are not the same setting.
    differs = any(value != first or type(value) is not type(first) for value in values)
    return Parameter(name, tuple(None if v is MISSING else v for v in values), differs)


def metrics_of(subjects: Sequence[Subject]) -> tuple[Metric, ...]:
    names = sorted({name for subject in subjects for name in subject.metrics})
    return tuple(metric_of(name, [finite(s.metrics.get(name)) for s in subjects]) for name in names)


def metric_of(name: str, values: Sequence[float | None]) -> Metric:
    less = any(word in name.lower() for word in LESS_IS_BETTER)
    there = [value for value in values if value is not None]
    best: tuple[int, ...] = ()
    if len(set(there)) > 1:
        top = min(there) if less else max(there)
        best = tuple(place for place, value in enumerate(values) if value == top)
    return Metric(name, tuple(values), best, less)
