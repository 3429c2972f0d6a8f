"""Between the address of a request and the queries: parameters read, rows with their addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework.request import Request

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe, hint
from hamlet.systems import System
from registry.models import Checkpoint
from training import queries
from training.models import Run

DEFAULT_POINTS = 500


def find_run(request: Request, run_id: UUID) -> Run:
    """Raises: Http404."""
    return get_object_or_404(queries.visible_runs(request.user), pk=run_id)


def run_row(run: Run) -> dict[str, Any]:
    return {**queries.run_summary(run), "url": reverse("api-run", args=[run.pk])}


def run_detail(run: Run) -> dict[str, Any]:
    return {
        **queries.run_snapshot(run),
        "spec": run.spec,
        "events": queries.run_events(run),
        "url": reverse("api-run", args=[run.pk]),
    }


def checkpoint_row(checkpoint: Checkpoint) -> dict[str, Any]:
    url = None
    if checkpoint.kind == Checkpoint.Kind.INFERENCE:
        url = reverse("api-run-checkpoint", args=[checkpoint.run_id, checkpoint.at])
    return {**queries.checkpoint_data(checkpoint), "download_url": url}


def system_row(system: System) -> dict[str, Any]:
    return {
        "name": system.name,
        "title": system.title,
        "summary": system.summary,
        "unit": system.unit,
        "levels_url": reverse("api-levels", args=[system.name]),
    }


def one_of(name: str, value: str, known: Iterable[str] | None) -> str:
    """Raises: SpecError unless the value is known; None knows every text."""
    if known is None and "\x00" not in value:
        return value
    if value not in (known or ()):
        allowed = f"expected one of {', '.join(known)}" if known else "expected printable text"
        message = f"found {describe(value)}; {allowed}{hint(value, known or ())}"
        raise SpecError([Problem(name, message)])
    return value


def read_names(text: str | None, known: list[str]) -> list[str] | None:
    """Raises: SpecError for a metric that the run has not reported."""
    if text is None:
        return None
    names = list(dict.fromkeys(name for name in text.split(",") if name))
    for name in names:
        one_of("names", name, known or ("nothing, since the run has reported nothing yet",))
    return names


def read_max_points(text: str | None) -> int:
    """Raises: SpecError."""
    if text is None:
        return DEFAULT_POINTS
    return read_whole_number("max_points", text, 1, queries.MAX_POINTS)


def read_whole_number(name: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19 and low <= int(text) <= high):
        message = f"found {describe(text)}; expected a whole number from {low} to {high}"
        raise SpecError([Problem(name, message)])
    return int(text)


def read_replay_filters(parameters: Mapping[str, str]) -> dict[str, Any]:
    """The filters among the parameters of a request. Raises: SpecError."""
    filters: dict[str, Any] = {
        name: read_whole_number(name, parameters[name], 0, 2**53 - 1)
        for name in queries.REPLAY_FILTERS
        if name in parameters
    }
    if "reason" in parameters:
        filters["reason"] = one_of("reason", parameters["reason"], None)
    return filters


def not_found() -> Http404:
    return Http404("no such thing")
