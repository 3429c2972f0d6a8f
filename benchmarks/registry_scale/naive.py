"""The peers: the same pages and curves as they are usually written."""

from __future__ import annotations

from functools import partial

from django.core.paginator import Paginator

from benchmarks.measuring import median_ms
from registry.pagination import paginate
from training.comparing import curve_names
from training.curves import curves, points_for
from training.models import CurveSummary, Run
from training.queries import NEWEST_FIRST, metric_series, visible_runs

SIZE = 50


def cursor_at(user: object, depth: int) -> str | None:
    """The cursor of the page that begins `depth` rows down; None at the top."""
    if depth == 0:
        return None
    before = visible_runs(user).order_by(*NEWEST_FIRST)[depth - 1 : depth + 1]
    return paginate(
        Run.objects.filter(pk__in=[run.pk for run in before]), NEWEST_FIRST, limit=1
    ).next_cursor


def keyset_page(user: object, cursor: str | None) -> list[Run]:
    return paginate(visible_runs(user), NEWEST_FIRST, cursor=cursor, limit=SIZE).items


def numbered_page(user: object, depth: int) -> list[Run]:
    """Django's own Paginator: OFFSET, and a count for the number of pages."""
    pages = Paginator(visible_runs(user).order_by(*NEWEST_FIRST), SIZE)
    return list(pages.page(depth // SIZE + 1).object_list)


def page_times(user: object, depth: int, repetitions: int) -> tuple[float, float]:
    """Median milliseconds of (keyset, numbered) for the page at this depth.

    Raises: SystemExit if the two are not the same page.
    """
    cursor = cursor_at(user, depth)
    if keyset_page(user, cursor) != numbered_page(user, depth):
        raise SystemExit(f"the two kinds of page differ at row {depth}")
    return (
        median_ms(lambda: keyset_page(user, cursor), repetitions),
        median_ms(lambda: numbered_page(user, depth), repetitions),
    )


def curve_times(runs: list[Run]) -> tuple[float, float, float]:
    """Milliseconds of all curves of these runs: (the first time, again, one query for each run)."""
    names = curve_names(runs)
    points = points_for(len(runs) * len(names))
    CurveSummary.objects.all().delete()

    def each() -> None:
        for run in runs:
            metric_series(run, names, points)

    together = partial(curves, runs, names, points)
    return median_ms(together, 1), median_ms(together, 3), median_ms(each, 1)
