"""Pages that show runs. Who may see what comes from training.queries, as everywhere."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from hamlet.errors import SpecError
from hamlet.systems import SYSTEMS
from live import queries as live_queries
from registry.downloads import send_artifact
from registry.models import Checkpoint
from registry.pages import page_for
from registry.pagination import Page, next_url, page_of
from registry.searching.errors import SearchError
from registry.searching.lists import found_page, search_box
from training import queries, services
from training.errors import (
    IllegalTransitionError,
    StatusConflictError,
    SteeringRefusedError,
)
from training.models import Run, RunStatus
from training.searching import RUNS

VIEW_RUN = "training.view_run"
DOWNLOAD = "registry.download_modelversion"


@require_safe
@page_for(VIEW_RUN)
def home(request: HttpRequest) -> HttpResponse:
    return run_list(request)


@require_safe
@page_for(VIEW_RUN)
def run_list(request: HttpRequest) -> HttpResponse:
    """Runs, newest first. htmx asks for the table alone every few seconds, and for the results
    with what stands under the table while somebody types."""
    status, system = request.GET.get("status", ""), request.GET.get("system", "")
    runs = live_queries.filtered_runs(request.user, status, system)
    box, page = search_box(request, RUNS), Page([], None)
    try:
        page = found_page(request, runs, queries.NEWEST_FIRST, RUNS)
    except SearchError as error:
        box = box.refusing(error)
    except SpecError:
        return redirect("live:run-list")
    context = {
        "runs": page.items,
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
        "statuses": RunStatus.values,
        "systems": SYSTEMS.values(),
        "status": status,
        "system": system,
        "search": box,
    }
    template = run_list_template(request)
    if box.error and template == "live/_run_table.html":
        return HttpResponse(status=204)  # the table that is shown stays until the next look
    return render(request, template, context, status=box.status)


def run_list_template(request: HttpRequest) -> str:
    if not request.htmx:
        return "live/run_list.html"
    searching = request.htmx.target == "results"
    return "live/_run_results.html" if searching else "live/_run_table.html"


@require_safe
@page_for(VIEW_RUN)
def run_page(request: HttpRequest, run_id: UUID) -> HttpResponse:
    run = find_run(request, run_id)
    viewer = SYSTEMS[run.system].viewer
    context = {
        **status_context(request, run),
        **replays_context(run),
        "snapshot": queries.run_snapshot(run),
        "charts": live_queries.chart_data(run),
        "score": SYSTEMS[run.system].score,
        "settings": run.spec.get("content", {}),
        "newest": live_queries.newest_episode(run),
        "viewer_template": f"live/viewers/{viewer}.html",
        "viewer_script": f"js/{viewer}/viewer.js",
        "viewer_style": f"css/{viewer}.css",
    }
    return render(request, "live/run.html", context)


@require_safe
@page_for(VIEW_RUN)
def run_status(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The status panel with this person's buttons."""
    run = find_run(request, run_id)
    return render(request, "live/_run_status.html", status_context(request, run))


@require_safe
@page_for(VIEW_RUN)
def run_replays(request: HttpRequest, run_id: UUID) -> HttpResponse:
    run = find_run(request, run_id)
    reason = request.GET.get("reason", "")
    filters = {"reason": reason} if reason in live_queries.KEEP_REASONS else {}
    try:
        page = page_of(request, queries.replay_list(run, filters), queries.REPLAYS_NEWEST_FIRST)
    except SpecError:
        return redirect("live:run-replays", run_id=run.pk)
    context = {
        "run": run,
        "replays": page.items,
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
        "reasons": live_queries.KEEP_REASONS,
        "reason": reason,
    }
    return render(request, "live/run_replays.html", context)


@require_safe
@page_for(VIEW_RUN)
@page_for(DOWNLOAD)
def checkpoint(request: HttpRequest, run_id: UUID, checkpoint_id: int) -> HttpResponseBase:
    """A checkpoint's file. Its bytes are compared with their hash before they leave.

    Training checkpoints go on with a run, so they are for whom may steer it.

    Raises: ArtifactDamagedError.
    """
    run = find_run(request, run_id)
    found = get_object_or_404(queries.checkpoint_list(run), pk=checkpoint_id)
    if found.kind != Checkpoint.Kind.INFERENCE and not queries.may_steer(request.user, run):
        raise PermissionDenied(
            "Training checkpoints are for those who may steer the run. Take an inference "
            "checkpoint, which predicts as well."
        )
    return send_artifact(request, found.artifact, live_queries.file_name(run, found))


@require_POST
@page_for(VIEW_RUN)
def pause_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    return steer(request, run_id, services.pause_run)


@require_POST
@page_for(VIEW_RUN)
def resume_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    return steer(request, run_id, services.resume_run)


@require_POST
@page_for(VIEW_RUN)
def cancel_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    return steer(request, run_id, services.cancel_run)


def steer(request: HttpRequest, run_id: UUID, ask: Any) -> HttpResponse:
    """Ask a service something of a run and show how the run stands then."""
    run = find_run(request, run_id)
    problem = None
    try:
        run = ask(run, request.user)
    except SteeringRefusedError as error:
        raise PermissionDenied(str(error)) from error
    except (IllegalTransitionError, StatusConflictError) as error:
        problem = error
        run.refresh_from_db()
    if not request.htmx:
        if problem:
            messages.error(request, str(problem))
        return redirect("live:run", run_id=run.pk)
    context = {**status_context(request, run), "problem": problem}
    return render(request, "live/_run_status.html", context, status=409 if problem else 200)


def find_run(request: HttpRequest, run_id: UUID) -> Run:
    """Raises: Http404 for a run that is absent or out of the user's sight, alike."""
    run = queries.visible_runs(request.user).filter(pk=run_id).first()
    if run is None:
        raise Http404("There is no such run that you may see.")
    return run


def status_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    """How the run stands, and what changes along with it."""
    return {
        "run": run,
        "actions": live_queries.actions_for(request.user, run),
        "pace": live_queries.pace_words(run),
        "events": queries.run_events(run, live_queries.EVENTS_SHOWN),
        "checkpoints": live_queries.newest_checkpoints(run),
        "may_steer": queries.may_steer(request.user, run),
        "version_url": version_url(run),
    }


def replays_context(run: Run) -> dict[str, Any]:
    replays = queries.replay_list(run)[: live_queries.REPLAYS_SHOWN]
    return {"replays": replays, "reasons": live_queries.KEEP_REASONS}


def version_url(run: Run) -> str:
    if run.version is None:
        return ""
    return reverse("registry:version", args=[run.version.model.name, run.version.number])
