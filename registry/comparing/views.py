"""The page that shows versions beside each other, and the same as CSV."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from hamlet.errors import SpecError
from registry.comparing.choosing import asked_keys, wants_every
from registry.comparing.csv_files import csv_response
from registry.comparing.differences import Comparison, compare
from registry.comparing.pages import comparison_context, words_of
from registry.comparing.queries import (
    MOST_VERSIONS,
    newest_versions_found,
    subject_of,
    versions_named,
)
from registry.pages import page_for
from registry.searching.lists import query_of


@require_safe
@page_for("registry.view_modelversion")
def version_compare(request: HttpRequest) -> HttpResponse:
    """The versions that `?version=name:1.0.0` and `?ids=` name, or those newest that `?q=` finds;
    one that cannot be seen is left out."""
    problem, comparison, missing = None, compare([]), 0
    try:
        comparison, missing = compared(request)
    except SpecError as error:
        problem = words_of(error)
    context = comparison_context(request, comparison, "Version", missing, MOST_VERSIONS)
    context |= {"problem": problem, "run_ids": run_ids(comparison)}
    return render(request, "registry/compare.html", context, status=422 if problem else 200)


@require_safe
@page_for("registry.view_modelversion")
def version_compare_csv(request: HttpRequest) -> HttpResponse:
    try:
        comparison, _ = compared(request)
    except SpecError as error:
        return HttpResponse(words_of(error), status=422, content_type="text/plain; charset=utf-8")
    return csv_response(comparison, "versions.csv")


def compared(request: HttpRequest) -> tuple[Comparison, int]:
    """The comparison and how many of those asked for are not in it. Raises: SpecError."""
    keys = asked_keys(request, "version")
    if keys or not query_of(request).strip():
        found = versions_named(request.user, keys)
    else:
        found = newest_versions_found(request)
    every = wants_every(request)
    missing = max(0, len(keys) - len(found))
    return compare([subject_of(version) for version in found], every=every), missing


def run_ids(comparison: Comparison) -> str:
    """The runs that made them, whose curves tell more."""
    found = [subject.facts["run_id"] for subject in comparison.subjects]
    return ",".join(filter(None, found))
