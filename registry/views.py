"""Pages of models: the list, one model with its aliases, their history."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from hamlet.errors import SpecError
from hamlet.systems import SYSTEMS
from registry import names, queries
from registry.aliases import services as alias_services
from registry.errors import ConflictError, VersionNotFoundError
from registry.forms import AliasForm
from registry.models import RegisteredModel
from registry.moments import read_time
from registry.pages import page_for
from registry.pagination import Page, next_url, page_of
from registry.performance.queries import SHOWN, reports_of
from registry.searching.errors import SearchError
from registry.searching.lists import found_page, search_box
from registry.searching.tables import MODELS

MOVES_SHOWN = 20


@require_safe
@page_for("registry.view_registeredmodel")
def model_list(request: HttpRequest) -> HttpResponse:
    """Models, newest first. htmx asks for the results alone while somebody types."""
    models = queries.models_with_newest(request.user)
    system = request.GET.get("system", "")
    if system in SYSTEMS:
        models = models.filter(system=system)
    box, page = search_box(request, MODELS), Page([], None)
    try:
        page = found_page(request, models, queries.MODEL_ORDER, MODELS)
    except SearchError as error:
        box = box.refusing(error)
    except SpecError:
        return redirect("registry:model-list")
    newest = queries.newest_versions(page.items)
    for model in page.items:
        model.newest = newest.get(model.newest_version_id)
    context = {
        "models": page.items,
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
        "systems": SYSTEMS.values(),
        "system": system,
        "search": box,
    }
    template = "registry/_model_results.html" if request.htmx else "registry/model_list.html"
    return render(request, template, context, status=box.status)


@require_safe
@page_for("registry.view_registeredmodel")
def model_page(request: HttpRequest, name: str) -> HttpResponse:
    model = find_model(request, name)
    versions = queries.versions_of_model(model)
    try:
        page = page_of(request, versions, queries.VERSION_ORDER)
    except SpecError:
        return redirect(model)
    context = {
        **aliases_context(request, model),
        "versions": page.items,
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
        "reports": reports_of(model)[:SHOWN],
    }
    return render(request, "registry/model.html", context)


@require_POST
@page_for("registry.change_alias")
def move_alias(request: HttpRequest, name: str) -> HttpResponse:
    model = find_model(request, name)
    form = AliasForm(request.POST)
    problem = None
    if form.is_valid():
        data = form.cleaned_data
        try:
            version = queries.find_version(request.user, name, data["version"].strip())
            reason = data["reason"].strip()
            alias = data["alias"].strip()
            alias_services.move_alias(model, alias, version, request.user, reason=reason)
        except SpecError as error:
            problem = words_of(error)
        except (ConflictError, VersionNotFoundError) as error:
            problem = str(error)
    else:
        problem = "Say which alias, and which version it shall name."
    return answer_with_aliases(request, model, problem, form)


@require_POST
@page_for("registry.delete_alias")
def remove_alias(request: HttpRequest, name: str, alias: str) -> HttpResponse:
    return change_alias(request, name, partial(alias_services.remove_alias, name=alias))


@require_POST
@page_for("registry.change_alias")
def protect_alias(request: HttpRequest, name: str, alias: str) -> HttpResponse:
    """Protect it, or with `free` take the protection away."""
    protected = "free" not in request.POST
    protect = partial(alias_services.protect_alias, name=alias, protected=protected)
    return change_alias(request, name, protect)


def change_alias(request: HttpRequest, name: str, change: Callable[..., Any]) -> HttpResponse:
    model = find_model(request, name)
    problem = None
    try:
        change(model=model, user=request.user)
    except SpecError as error:
        problem = words_of(error)
    except ConflictError as error:
        problem = str(error)
    return answer_with_aliases(request, model, problem)


@require_safe
@page_for("registry.view_aliasmove")
def history_page(request: HttpRequest, name: str) -> HttpResponse:
    """What the aliases named at a time, and every move there was."""
    model = find_model(request, name)
    at, problem = request.GET.get("at", "").strip(), None
    when = timezone.now()
    try:
        when = read_time(at, "at") if at else when
        page = page_of(request, queries.moves_of_model(model), queries.MOVE_ORDER)
    except SpecError as error:
        problem = words_of(error)
        page = page_of(HttpRequest(), queries.moves_of_model(model), queries.MOVE_ORDER)
    context = {
        "model": model,
        "at": at,
        "when": when,
        "live": queries.live_at(model, when) if problem is None else [],
        "moves": page.items,
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
        "problem": problem,
    }
    return render(request, "registry/history.html", context, status=422 if problem else 200)


def words_of(error: SpecError) -> str:
    return " ".join(problem.message for problem in error.problems)


def find_model(request: HttpRequest, name: str) -> RegisteredModel:
    models = queries.visible_models(request.user).select_related("owner", "classroom")
    return get_object_or_404(models, name=name)


def aliases_context(
    request: HttpRequest, model: RegisteredModel, problem: str | None = None
) -> dict[str, Any]:
    """What `registry/_aliases.html` needs."""
    return {
        "model": model,
        "aliases": queries.aliases_of_model(model),
        "moves": queries.moves_of_model(model)[:MOVES_SHOWN],
        "choices": queries.versions_of_model(model).order_by(*queries.VERSION_ORDER)[:50],
        "may_change": queries.may_change_model(request.user, model),
        "latest": names.LATEST,
        "problem": problem,
    }


def answer_with_aliases(
    request: HttpRequest,
    model: RegisteredModel,
    problem: str | None,
    form: AliasForm | None = None,
) -> HttpResponse:
    """The panel for htmx; without it, the page again: by redirect, or whole where it refuses."""
    if problem is None and not request.htmx:
        return redirect(model)
    context = aliases_context(request, model, problem)
    context["form"] = form if problem else None
    status = 409 if problem else 200
    if request.htmx:
        return render(request, "registry/_aliases.html", context, status=status)
    page = page_of(request, queries.versions_of_model(model), queries.VERSION_ORDER)
    context |= {"versions": page.items, "next": next_url(request, page), "first": True}
    context["reports"] = reports_of(model)[:SHOWN]
    return render(request, "registry/model.html", context, status=status)
