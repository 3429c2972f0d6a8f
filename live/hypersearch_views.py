"""Pages of searches: the list with a form that starts one, and one with its trials. Who may see
what comes from training.hypersearch.queries."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from hamlet.errors import SpecError
from hamlet.schema import read_yaml
from live import hypersearch_charts as charts
from registry.accounts.queries import taught_classrooms
from registry.errors import RegistryError
from registry.jobs import services as jobs
from registry.jobs.models import Job
from registry.jobs.queries import NEWEST_FIRST
from registry.pages import page_for
from registry.pagination import Page, next_url, page_of
from training.datasets.queries import visible_datasets
from training.errors import TrainingError
from training.hypersearch import queries
from training.hypersearch.reading import DEFAULT_SAMPLES, MOST_SAMPLES
from training.hypersearch.trials import COMPLETED, NAME, OPEN, best_of, trials_of

VIEW_JOB, ADD_RUN = "registry.view_job", "training.add_run"
CONFIG = "model_type: alphazero\nepochs: 20\n"
SPACE = (
    "learning_rate: {loguniform: [0.0001, 0.01]}\nadvanced_config.channels: {choice: [32, 64]}\n"
)
BADGES = {"running": "running", "completed": "succeeded", "failed": "failed", "planned": "queued"}


@require_safe
@page_for(VIEW_JOB)
def search_list(request: HttpRequest) -> HttpResponse:
    """Searches, newest first, and where one may start them the form that does."""
    try:
        page = page_of(request, queries.visible_searches(request.user), NEWEST_FIRST)
    except SpecError:
        return redirect("live:hypersearch-list")
    return render(request, "live/hypersearches.html", list_context(request, page))


@require_POST
@page_for(ADD_RUN)
def start_search(request: HttpRequest) -> HttpResponse:
    """Start one, and go to its page."""
    try:
        job, _ = jobs.queue_job(request.user, request_of(request), kind=NAME)
    except SpecError as error:
        problem = "; ".join(f"{found.path}: {found.message}" for found in error.problems)
        status = 422
    except (RegistryError, TrainingError) as error:
        problem, status = str(error), 409
    else:
        return redirect("live:hypersearch", job_id=job.pk)
    page = Page(list(queries.visible_searches(request.user)[:20]), None)
    context = {**list_context(request, page), "problem": problem}
    return render(request, "live/hypersearches.html", context, status=status)


@require_safe
@page_for(VIEW_JOB)
def search_page(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Its trials as a table and drawn. htmx asks for those alone every few seconds."""
    job = get_object_or_404(queries.visible_searches(request.user), pk=job_id)
    template = "live/_hypersearch.html" if request.htmx else "live/hypersearch.html"
    return render(request, template, context_of(job))


def request_of(request: HttpRequest) -> dict[str, Any]:
    """What the form says, as the API takes it. Raises: SpecError for text that is no YAML."""
    form = request.POST
    asked: dict[str, Any] = {
        "dataset": form.get("dataset") or None,
        "config": read_yaml(form.get("config") or "{}", name="config"),
        "search_space": read_yaml(form.get("search_space", ""), name="search_space"),
        "classroom": form.get("classroom") or None,
        "name": form.get("name", "").strip() or None,
    }
    if count := form.get("num_samples", "").strip():
        asked["num_samples"] = int(count) if count.isdecimal() and len(count) < 9 else count
    return asked


def list_context(request: HttpRequest, page: Page) -> dict[str, Any]:
    may_start, form = request.user.has_perm(ADD_RUN), request.POST
    return {
        "searches": [summary_of(job) for job in page.items],
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
        "may_start": may_start,
        "datasets": ready_datasets(request) if may_start else [],
        "classes": taught_classrooms(request.user).order_by("name") if may_start else [],
        "dataset": form.get("dataset", ""),
        "classroom": form.get("classroom", ""),
        "config": form.get("config", CONFIG),
        "search_space": form.get("search_space", SPACE),
        "num_samples": form.get("num_samples", DEFAULT_SAMPLES),
        "most_samples": MOST_SAMPLES,
        "name": form.get("name", ""),
    }


def ready_datasets(request: HttpRequest) -> list[str]:
    found = visible_datasets(request.user).order_by("name")
    return [dataset.name for dataset in found if dataset.ready]


def summary_of(job: Job) -> dict[str, Any]:
    best = best_of(trials_of(job.state))
    return {
        "id": job.pk,
        "name": job.request["name"],
        "status": job.status,
        "done": job.done,
        "total": job.total,
        "best": None if best is None else f"{best.value:.4f}",
        "owner": job.owner.username if job.owner else "",
        "created": job.created_at,
    }


def context_of(job: Job) -> dict[str, Any]:
    data = queries.search_data(job)
    parameters = queries.parameters_of(job)
    paths = [one.path for one in parameters]
    return {
        "search": data,
        "job": job,
        "paths": paths,
        "trials": [trial_of(row, paths, data["best_trial"]) for row in data["results"]],
        "best_values": [
            (path, spelled(value)) for path, value in (data["best_values"] or {}).items()
        ],
        "charts": charts.charts_of(data["results"], parameters),
        "width": charts.WIDTH,
        "height": charts.HEIGHT,
        "left": charts.LEFT,
        "share": f"{min(job.done / max(job.total or 1, 1), 1.0):.4f}",
    }


def trial_of(row: dict[str, Any], paths: list[str], best: int | None) -> dict[str, Any]:
    """What the template shows of a trial."""
    value = row["value"]
    return {
        **row,
        "cells": [spelled(row["values"][path]) for path in paths],
        "shown": "" if value is None else f"{value:.4f}",
        "badge": BADGES.get(row["status"], "paused"),
        "best": row["number"] == best and row["status"] == COMPLETED,
        "open": row["status"] in OPEN,
    }


def spelled(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
