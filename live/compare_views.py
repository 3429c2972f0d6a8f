"""Runs beside each other on a page: curves, metrics, settings, statistics over seeds."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from hamlet.errors import SpecError
from registry.comparing.choosing import asked_keys, wants_every
from registry.comparing.csv_files import csv_response
from registry.comparing.differences import Comparison, compare
from registry.comparing.pages import comparison_context, words_of
from registry.pages import page_for
from registry.searching.lists import query_of
from training import comparing
from training.models import Run

VIEW_RUN = "training.view_run"


@require_safe
@page_for(VIEW_RUN)
def run_compare(request: HttpRequest) -> HttpResponse:
    """The runs that `?run=` and `?ids=` name, in that order, or those newest that `?q=` finds;
    a run out of sight is left out. The script fetches the curves from the API afterwards."""
    problem, runs, missing = None, [], 0
    try:
        runs, missing = chosen(request)
    except SpecError as error:
        problem = words_of(error)
    comparison = compared(request, runs)
    context = comparison_context(request, comparison, "Run", missing, comparing.MOST_RUNS)
    context |= {
        "problem": problem,
        "names": comparing.curve_names(runs),
        "unit": unit_of(runs),
        "curves": {
            "url": curves_url(runs),
            "labels": [run.name for run in runs],
            "groups": [group.members for group in comparison.groups],
            "unit": unit_of(runs),
        },
    }
    return render(request, "live/compare.html", context, status=422 if problem else 200)


@require_safe
@page_for(VIEW_RUN)
def run_compare_csv(request: HttpRequest) -> HttpResponse:
    try:
        runs, _ = chosen(request)
    except SpecError as error:
        return HttpResponse(words_of(error), status=422, content_type="text/plain; charset=utf-8")
    return csv_response(compared(request, runs), "runs.csv")


def chosen(request: HttpRequest) -> tuple[list[Run], int]:
    """The runs, and how many of those asked for are not among them. Raises: SpecError."""
    keys = asked_keys(request, "run")
    if keys or not query_of(request).strip():
        found = comparing.runs_named(request.user, keys)
    else:
        found = comparing.newest_runs_found(request)
    return found, max(0, len(keys) - len(found))


def compared(request: HttpRequest, runs: list[Run]) -> Comparison:
    subjects = [comparing.subject_of(run) for run in runs]
    return compare(subjects, every=wants_every(request))


def curves_url(runs: list[Run]) -> str:
    ids = ",".join(run.pk.hex for run in runs)
    return f"{reverse('api-compare-runs')}?ids={ids}" if runs else ""


def unit_of(runs: list[Run]) -> str:
    """What the curves count along: the unit of the runs, or just "progress" where they differ."""
    units = {run.unit for run in runs}
    return units.pop() if len(units) == 1 else "progress"
