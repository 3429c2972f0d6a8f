"""The page on which a model's further learning is seen and changed: examples that wait for a run,
its nights and what became of the last ones."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from hamlet.errors import SpecError
from registry.models import RegisteredModel
from registry.pages import page_for
from registry.queries import may_change_model, visible_models
from training.games.models import CONNECT_FOUR
from training.incremental import queries, services
from training.retraining.nights import next_beginning
from training.retraining.queries import last_nights, new_games, schedule_data

VIEW_MODEL, CHANGE_MODEL = "registry.view_registeredmodel", "registry.change_registeredmodel"


def find_model(request: HttpRequest, name: str) -> RegisteredModel:
    """Raises: Http404, also for a model whose system learns from no examples."""
    models = visible_models(request.user).select_related("owner", "classroom")
    return get_object_or_404(models, name=name, system=CONNECT_FOUR)


@require_safe
@page_for(VIEW_MODEL)
def learning(request: HttpRequest, name: str) -> HttpResponse:
    model = find_model(request, name)
    return render(request, "live/learning.html", context_of(request, model))


@require_POST
@page_for(CHANGE_MODEL)
def change_learning(request: HttpRequest, name: str) -> HttpResponse:
    """Turn the nights on or off, and say how many examples start a run."""
    model = find_model(request, name)
    try:
        services.change_learning(model, request.user, change_of(request))
    except SpecError as error:
        problem = "; ".join(f"{found.path}: {found.message}" for found in error.problems)
        given = {"problem": problem, "enough": request.POST.get("enough_examples", "")}
        context = {**context_of(request, model), **given}
        return render(request, "live/learning.html", context, status=422)
    return redirect("live:learning", name=name)


@require_POST
@page_for(CHANGE_MODEL)
def discard_examples(request: HttpRequest, name: str) -> HttpResponse:
    """Throw away what waits."""
    services.discard_examples(find_model(request, name), request.user)
    return redirect("live:learning", name=name)


def change_of(request: HttpRequest) -> dict[str, Any]:
    """What the form says, as the API takes it."""
    text = request.POST.get("enough_examples", "").strip()
    number = int(text) if text.isdecimal() and len(text) < 12 else text
    return {"nightly": "nightly" in request.POST, "enough_examples": number or None}


def context_of(request: HttpRequest, model: RegisteredModel) -> dict[str, Any]:
    row, queues = queries.settings_of(model), queries.queues_of(model)
    now = timezone.now()
    return {
        "model": model,
        "row": row,
        "queues": queues,
        "waiting": sum(queue.queued for queue in queues),
        "enough_now": queries.enough_for(model),
        "enough": row.enough_examples or "",
        "schedule": schedule_data(row, now),
        "next_night": next_beginning(now),
        "new_games": new_games(model).count(),
        "nights": last_nights(model),
        "may_change": may_change_model(request.user, model),
        "base": request.build_absolute_uri("/").rstrip("/"),
    }
