"""Pages of deletions: what goes, what stays, and a name to type before it does."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from registry.deleting import services
from registry.deleting.queries import Preview, Subject, preview
from registry.errors import ConflictError
from registry.models import ModelVersion
from registry.pages import page_for
from registry.versions.views import find_version
from registry.views import find_model


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("registry.delete_modelversion")
def delete_version(request: HttpRequest, name: str, number: str) -> HttpResponse:
    version = find_version(request, name, number)
    return answer(request, version, version.model.get_absolute_url())


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("registry.delete_registeredmodel")
def delete_model(request: HttpRequest, name: str) -> HttpResponse:
    return answer(request, find_model(request, name), "registry:model-list")


def answer(request: HttpRequest, subject: Subject, afterwards: str) -> HttpResponse:
    """The preview; after the right name was typed, the deletion of what it showed."""
    problem, status = None, 200
    if request.method == "POST":
        try:
            gone = delete(request, subject)
            messages.success(request, f"{gone.name} is deleted for good.")
            return redirect(afterwards)
        except ConflictError as error:
            problem, status = str(error), 409
    context = {"subject": subject, "preview": preview(subject), "problem": problem}
    return render(request, "registry/deleting/preview.html", context, status=status)


def delete(request: HttpRequest, subject: Subject) -> Preview:
    """Raises: ConflictError."""
    expected = preview(subject).name
    if request.POST.get("name", "").strip() != expected:
        raise ConflictError(f"Type {expected} to delete it; what you typed is something else.")
    act = services.delete_version if isinstance(subject, ModelVersion) else services.delete_model
    return act(subject, token=request.POST.get("token", ""), user=request.user)
