"""Pages of brain specs: a list, one spec as it was written, and a form that says what is wrong."""

from __future__ import annotations

import json

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hamlet.errors import SpecError
from registry import queries, services
from registry.errors import ConflictError
from registry.forms import FIRST_BRAIN, BrainForm
from registry.models import BrainSpec
from registry.pages import page_for
from registry.pagination import next_url, page_of


@require_safe
@page_for("registry.view_brainspec")
def brain_list(request: HttpRequest) -> HttpResponse:
    brains = queries.visible_brains(request.user).select_related("owner").defer("yaml_text")
    try:
        page = page_of(request, brains, queries.BRAIN_ORDER)
    except SpecError:
        return redirect("registry:brain-list")
    context = {
        "brains": page.items,
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
    }
    return render(request, "registry/brain_list.html", context)


@require_safe
@page_for("registry.view_brainspec")
def brain_page(request: HttpRequest, name: str) -> HttpResponse:
    brain = find_brain(request, name)
    context = {
        "brain": brain,
        "full": json.dumps(brain.data, indent=2),
        "may_change": queries.may_change_brain(request.user, brain),
    }
    return render(request, "registry/brain.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("registry.add_brainspec")
def brain_new(request: HttpRequest) -> HttpResponse:
    """An empty form; with `?from=NAME` it begins as a copy."""
    if request.method == "POST":
        return _save(request, BrainForm(request.POST), None)
    text = FIRST_BRAIN
    if source := request.GET.get("from"):
        text = find_brain(request, source).yaml_text
    return render(
        request, "registry/brain_form.html", {"form": BrainForm(initial={"yaml_text": text})}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("registry.change_brainspec")
def brain_edit(request: HttpRequest, name: str) -> HttpResponse:
    brain = _changeable(request, name)
    if request.method == "POST":
        return _save(request, BrainForm(request.POST, brain=brain), brain)
    form = BrainForm(initial={"yaml_text": brain.yaml_text}, brain=brain)
    return render(request, "registry/brain_form.html", {"form": form, "brain": brain})


@require_POST
@page_for("registry.delete_brainspec")
def brain_delete(request: HttpRequest, name: str) -> HttpResponse:
    brain = _changeable(request, name)
    services.delete_brain_spec(brain, request.user)
    messages.success(request, f"{name} is deleted. Runs that used it keep their copy.")
    return redirect("registry:brain-list")


def find_brain(request: HttpRequest, name: str) -> BrainSpec:
    return get_object_or_404(
        queries.visible_brains(request.user).select_related("owner"), name=name
    )


def _changeable(request: HttpRequest, name: str) -> BrainSpec:
    brain = find_brain(request, name)
    if not queries.may_change_brain(request.user, brain):
        raise PermissionDenied(f"{name} is not yours. Copy it under another name instead.")
    return brain


def _save(request: HttpRequest, form: BrainForm, brain: BrainSpec | None) -> HttpResponse:
    """Keep it, or with the button `check` only say whether it could be kept."""
    checked = None
    if form.is_valid():
        # Browsers send CRLF; the text is kept as a file would hold it.
        text = form.cleaned_data["yaml_text"].replace("\r\n", "\n")
        name = brain.name if brain else form.cleaned_data["name"]
        try:
            if "check" in request.POST:
                checked = services.check_brain_and_name(name, text)
            else:
                saved = services.save_brain_spec(name, text, request.user, only_new=brain is None)
                messages.success(request, f"{saved.name} is saved.")
                return redirect(saved)
        except SpecError as error:
            form.add_problems(error)
        except ConflictError as error:
            form.add_error("name" if "name" in form.fields else None, str(error))
    context = {"form": form, "brain": brain, "checked": checked}
    status = 200 if checked else 422
    return render(request, "registry/brain_form.html", context, status=status)
