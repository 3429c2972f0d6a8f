"""Pages of models: lists, one model with its aliases, one version with the lines that use it."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from hamlet.errors import SpecError
from hamlet.systems import SYSTEMS
from registry import names, queries, services
from registry.downloads import send_checkpoint
from registry.errors import ConflictError, VersionNotFoundError
from registry.forms import AliasForm
from registry.models import ModelVersion, RegisteredModel
from registry.pages import page_for
from registry.pagination import next_url, page_of
from registry.usage import curl_line, three_lines

MOVES_SHOWN = 20


@require_safe
@page_for("registry.view_registeredmodel")
def model_list(request: HttpRequest) -> HttpResponse:
    models = queries.models_with_newest(request.user)
    system = request.GET.get("system", "")
    if system in SYSTEMS:
        models = models.filter(system=system)
    try:
        page = page_of(request, models, queries.MODEL_ORDER)
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
    }
    return render(request, "registry/model_list.html", context)


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
            services.move_alias(model, data["alias"].strip(), version, request.user)
        except SpecError as error:
            problem = " ".join(problem.message for problem in error.problems)
        except (ConflictError, VersionNotFoundError) as error:
            problem = str(error)
    else:
        problem = "Say which alias, and which version it shall name."
    return answer_with_aliases(request, model, problem, form)


@require_POST
@page_for("registry.delete_alias")
def remove_alias(request: HttpRequest, name: str, alias: str) -> HttpResponse:
    model = find_model(request, name)
    problem = None
    try:
        services.remove_alias(model, alias, request.user)
    except SpecError as error:
        problem = " ".join(problem.message for problem in error.problems)
    except ConflictError as error:
        problem = str(error)
    return answer_with_aliases(request, model, problem)


@require_safe
@page_for("registry.view_modelversion")
def version_page(request: HttpRequest, name: str, number: str) -> HttpResponse:
    version = find_version_or_404(request, name, number)
    context = {
        "version": version,
        "aliases": queries.aliases_of(version),
        "signature": version.signature,
        "signature_json": json.dumps(version.signature, indent=2),
        "lineage": flatten(version.lineage),
        "metrics": sorted(version.metrics.items()),
        "three_lines": three_lines(version),
        "curl_line": curl_line(version, request.build_absolute_uri("/").rstrip("/")),
    }
    return render(request, "registry/version.html", context)


@require_safe
@page_for("registry.download_modelversion")
def download(request: HttpRequest, name: str, number: str) -> HttpResponse:
    return send_checkpoint(request, find_version_or_404(request, name, number))


def find_model(request: HttpRequest, name: str) -> RegisteredModel:
    models = queries.visible_models(request.user).select_related("owner", "classroom")
    return get_object_or_404(models, name=name)


def find_version_or_404(request: HttpRequest, name: str, number: str) -> ModelVersion:
    model = find_model(request, name)
    try:
        return queries.find_version(request.user, model.name, number)
    except VersionNotFoundError:
        return get_object_or_404(ModelVersion.objects.none())


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
    return render(request, "registry/model.html", context, status=status)


def flatten(data: Any, path: str = "") -> list[tuple[str, Any]]:
    """Nested data as (path, value) rows for a table."""
    if isinstance(data, dict) and data:
        return [
            row
            for key, value in data.items()
            for row in flatten(value, f"{path}.{key}" if path else str(key))
        ]
    return [(path, data)] if path else []
