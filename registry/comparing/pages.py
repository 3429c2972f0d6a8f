"""What every page of a comparison needs, whatever it compares."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, QueryDict

from hamlet.errors import SpecError
from registry.comparing.choosing import EVERY, wants_every
from registry.comparing.differences import Comparison
from registry.comparing.grids import metric_grid, parameter_grid
from registry.comparing.subjects import spell


def comparison_context(
    request: HttpRequest, comparison: Comparison, noun: str, missing: int, most: int
) -> dict[str, Any]:
    """Args: noun: "Run" or "Version". missing: how many that were asked for are not shown."""
    return {
        "comparison": comparison,
        "enough": len(comparison.subjects) > 1,
        "metrics": metric_grid(comparison, noun),
        "parameters": parameter_grid(comparison, noun),
        "groups": group_rows(comparison),
        "every": wants_every(request),
        "switched": switched(request.GET),
        "missing": missing,
        "most": most,
        "asked": request.GET.urlencode(),
    }


def switched(asked: QueryDict) -> str:
    """The same question, with or without the parameters that are equal."""
    other = asked.copy()
    if other.pop(EVERY, None) is None:
        other[EVERY] = "1"
    return other.urlencode()


def group_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """One row for each setting and metric that several seeds have tried."""
    return [
        {
            "members": [comparison.subjects[place] for place in group.members],
            "seeds": ", ".join(map(str, group.seeds)),
            "metrics": [
                {
                    "name": name,
                    "mean": spell(interval.mean),
                    "low": spell(interval.low),
                    "high": spell(interval.high),
                    "n": count,
                }
                for name, (interval, count) in group.intervals.items()
            ],
        }
        for group in comparison.groups
    ]


def words_of(error: SpecError) -> str:
    return " ".join(problem.message for problem in error.problems)
