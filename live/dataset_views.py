"""Pages of datasets: the list, and one with what is in it. Who may see what comes from
training.datasets.queries, as everywhere."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from hamlet.datasets.options import VALUE_TARGETS
from hamlet.errors import SpecError
from registry.errors import RegistryError
from registry.pages import page_for
from registry.pagination import Page, next_url, page_of
from training.datasets import queries, services
from training.datasets.models import Dataset
from training.games.queries import usable_games

VIEW_DATASET = "training.view_dataset"
ADD_DATASET = "training.add_dataset"
FLAGS = {
    "include_policy": "learn from the search's visits",
    "only_winner_moves": "the winner's moves alone",
    "balance": "as many wins as losses and draws",
}
SHARES = ("win_rate_red", "win_rate_yellow", "draw_rate", "conflict_share")
COUNTS = ("total_examples", "unique_positions", "unique_up_to_mirror")
MOST_FREQUENT = 10


@require_safe
@page_for(VIEW_DATASET)
def dataset_list(request: HttpRequest) -> HttpResponse:
    """Datasets, newest first, and where one may build them the form that does."""
    try:
        page = page_of(request, queries.visible_datasets(request.user), queries.NEWEST_FIRST)
    except SpecError:
        return redirect("live:dataset-list")
    return render(request, "live/datasets.html", list_context(request, page))


@require_http_methods(["POST"])
@page_for(ADD_DATASET)
def build_dataset(request: HttpRequest) -> HttpResponse:
    """Build one from the games that the person may learn from."""
    asked = request_of(request)
    try:
        services.build_dataset(request.user, asked)
    except SpecError as error:
        problem = "; ".join(f"{found.path}: {found.message}" for found in error.problems)
        status = 422
    except RegistryError as error:
        problem, status = str(error), 409
    else:
        return redirect("live:dataset", name=asked["name"])
    page = Page(list(queries.visible_datasets(request.user)[:20]), None)
    context = {**list_context(request, page), "problem": problem, "name": asked["name"]}
    return render(request, "live/datasets.html", context, status=status)


def request_of(request: HttpRequest) -> dict[str, Any]:
    """What the form says, as the API takes it."""
    form = request.POST
    options: dict[str, Any] = {flag: flag in form for flag in FLAGS}
    options["value_target"] = form.get("value_target", VALUE_TARGETS[0])
    options["augment"] = {"flip": "flip" in form}
    return {"name": form.get("name", "").strip(), "options": options}


def list_context(request: HttpRequest, page: Page) -> dict[str, Any]:
    return {
        "datasets": [queries.dataset_summary(dataset) for dataset in page.items],
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
        "value_targets": VALUE_TARGETS,
        "flags": FLAGS.items(),
        "games_count": usable_games(request.user).count(),
    }


@require_safe
@page_for(VIEW_DATASET)
def dataset_page(request: HttpRequest, name: str) -> HttpResponse:
    dataset = get_object_or_404(queries.visible_datasets(request.user), name=name)
    template = "live/datasets_state.html" if request.htmx else "live/datasets_one.html"
    return render(request, template, context_of(dataset))


def context_of(dataset: Dataset) -> dict[str, Any]:
    data = queries.dataset_data(dataset)
    statistics = data["statistics"] or {}
    return {
        "dataset": data,
        "job": dataset.job,
        "created": dataset.created_at,
        "waiting": not dataset.ready and dataset.job is not None and not dataset.job.ended,
        "facts": facts_of(statistics),
        "outcomes": statistics.get("examples_by_outcome", {}),
        "label_sources": statistics.get("label_sources", {}),
        "overlap": overlap_of(statistics.get("evaluation_overlap", {})),
        "frequent": statistics.get("most_frequent", [])[:MOST_FREQUENT],
        "charts": {"by_ply": statistics.get("examples_by_ply", [])},
    }


def facts_of(statistics: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values in words, those alone that are known: no rate is, where no game is."""
    known = {name: value for name, value in statistics.items() if value is not None}
    facts = [(name, f"{known[name]:,}") for name in COUNTS if name in known]
    facts += [(name, f"{known[name]:.1%}") for name in SHARES if name in known]
    if "average_game_length" in known:
        facts.append(("average_game_length", f"{known['average_game_length']:.1f} plies"))
    return [(name.replace("_", " "), value) for name, value in facts]


def overlap_of(found: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    """For each evaluation set how much of it is in the dataset, the share in words."""
    return [
        {**one, "name": name, "percent": f"{one['positions'] / max(1, one['of']):.1%}"}
        for name, one in found.items()
    ]
