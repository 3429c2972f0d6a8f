"""Runs beside each other: the curves of their scores in one chart, their settings in one table."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hamlet.systems import SYSTEMS
from registry.pages import page_for
from training import queries
from training.models import Run

FEWEST, MOST = 2, 6
POINTS = 1000
RECENT = 100


@require_safe
@page_for("training.view_run")
def run_compare(request: HttpRequest) -> HttpResponse:
    """Overlay the runs that `?run=` names, in that order; a run out of sight is left out."""
    asked = list(dict.fromkeys(request.GET.getlist("run")))
    wanted = [run_id for run_id in map(read_id, asked) if run_id is not None]
    visible = queries.visible_runs(request.user).in_bulk(wanted[:MOST])
    runs = [visible[run_id] for run_id in wanted[:MOST] if run_id in visible]
    context = {
        "runs": [compared(run) for run in runs],
        "curves": [curve(run) for run in runs],
        "measure": measure_of(runs),
        "enough": len(runs) >= FEWEST,
        "missing": len(asked) - len(runs),
        "fewest": FEWEST,
        "most": MOST,
    }
    return render(request, "live/compare.html", context)


def read_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def measure_of(runs: list[Run]) -> dict[str, str]:
    """What the curves show: the score of their system, or just "score" where they differ."""
    scores = {SYSTEMS[run.system].score for run in runs}
    score = scores.pop() if len(scores) == 1 else None
    return {"title": score.title, "unit": score.unit} if score else {"title": "Score", "unit": ""}


def curve(run: Run) -> dict[str, Any]:
    series = queries.episode_series(run, POINTS)
    return {"name": run.name, "number": series["number"], "value": series[field_of(run)]}


def field_of(run: Run) -> str:
    score = SYSTEMS[run.system].score
    return score.field if score else "score"


def compared(run: Run) -> dict[str, Any]:
    """A row of the table: what was asked for and how far it came."""
    field = field_of(run)
    newest = run.episodes.order_by("-number").values_list(field, flat=True)
    recent = list(newest[:RECENT])
    return {
        **queries.run_summary(run),
        "seed": run.spec["seed"],
        "recent": sum(recent) / len(recent) if recent else None,
        "best": run.episodes.aggregate(best=Max(field))["best"],
    }
