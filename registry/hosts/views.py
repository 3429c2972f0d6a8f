"""The page of workers and queues."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry.hosts import data
from registry.pages import page_for


@require_safe
@page_for(data.PERMISSION)
def worker_page(request: HttpRequest) -> HttpResponse:
    """Workers and queues; htmx asks for the tables alone every few seconds."""
    context = {**data.overview(request.user), "read_at": timezone.now()}
    template = "registry/hosts/_overview.html" if request.htmx else "registry/hosts/workers.html"
    return render(request, template, context)
