"""The page that shows the API's description and lets one try it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe


@require_safe
@ensure_csrf_cookie
def docs(request: HttpRequest) -> HttpResponse:
    """Like the description itself it holds no data, so anybody may read it."""
    return render(request, "registry/openapi/docs.html")
