"""The page of retention: the rules, and what they would do today."""

from __future__ import annotations

import itertools

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry.pages import page_for
from registry.queries import visible_models
from registry.retention import queries

MOST_PLANNED = 200


@require_safe
@page_for("registry.view_retentionrule")
def retention_page(request: HttpRequest) -> HttpResponse:
    found = queries.plan(timezone.now(), visible_models(request.user))
    planned = list(itertools.islice(found, MOST_PLANNED + 1))
    context = {
        "rules": queries.visible_rules(request.user).order_by(*queries.RULE_ORDER),
        "planned": planned[:MOST_PLANNED],
        "more": len(planned) > MOST_PLANNED,
    }
    return render(request, "registry/deleting/retention.html", context)
