"""The page that searches the versions of all models."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from hamlet.errors import SpecError
from registry.pages import page_for
from registry.pagination import Page, next_url
from registry.searching.errors import SearchError
from registry.searching.lists import found_page, search_box
from registry.searching.queries import NEWEST_FIRST, listed_versions
from registry.searching.tables import VERSIONS


@require_safe
@page_for("registry.view_modelversion")
def version_search(request: HttpRequest) -> HttpResponse:
    """Versions, newest first. htmx asks for the results alone while somebody types."""
    box, page = search_box(request, VERSIONS), Page([], None)
    try:
        page = found_page(request, listed_versions(request.user), NEWEST_FIRST, VERSIONS)
    except SearchError as error:
        box = box.refusing(error)
    except SpecError:
        return redirect("registry:version-search")
    context = {
        "search": box,
        "versions": page.items,
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
    }
    template = "registry/_version_results.html" if request.htmx else "registry/version_search.html"
    return render(request, template, context, status=box.status)
