"""What every page of a comparison needs, whatever it compares."""

from __future__ import annotations

from html import escape
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.safestring import mark_safe

from hamlet.errors import SpecError
from hamlet.evaluation.intervals import Interval
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
    """Each setting that several seeds have tried, with a row for each metric."""
    return [
        {
            "members": [comparison.subjects[place] for place in group.members],
            "seeds": ", ".join(map(str, group.seeds)),
            "rows": mark_safe(  # noqa: S308 - escaped
                "".join(
                    interval_row(name, interval, count)
                    for name, (interval, count) in group.intervals.items()
                )
            ),
        }
        for group in comparison.groups
    ]


def interval_row(name: str, interval: Interval, count: int) -> str:
    """As markup: hundreds of these stand on a page, and a template takes ten times as long."""
    cells = (spell(interval.mean), f"{spell(interval.low)} to {spell(interval.high)}", str(count))
    numbers = "".join(f'<td class="number">{escape(text)}</td>' for text in cells)
    return f'<tr><th scope="row">{escape(name)}</th>{numbers}</tr>'


def words_of(error: SpecError) -> str:
    return " ".join(problem.message for problem in error.problems)
