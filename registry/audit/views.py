"""The page of what was done."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from hamlet.errors import SpecError
from registry.audit.actions import TITLES
from registry.audit.queries import ORDER, entries_about
from registry.audit.wording import words_of
from registry.pages import page_for
from registry.pagination import next_url, page_of

FILTERS = ("action", "subject", "actor")
LONGEST = 200


@require_safe
@page_for("registry.view_auditentry")
def audit_page(request: HttpRequest) -> HttpResponse:
    filters = {name: request.GET.get(name, "").strip()[:LONGEST] for name in FILTERS}
    try:
        page = page_of(request, entries_about(request.user, filters), ORDER)
    except SpecError:
        return redirect("registry:audit")
    for entry in page.items:
        entry.title = TITLES.get(entry.action, entry.action)
        entry.words = words_of(entry)
    context = {
        "entries": page.items,
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
        "filters": filters,
        "actions": TITLES.items(),
    }
    return render(request, "registry/audit.html", context)
