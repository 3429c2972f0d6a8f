"""Pages of brain specs: a list, one spec as it was written, an editor that judges while one types,
and how two differ."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hamlet.errors import SpecError
from registry import queries, services
from registry.brains import differing
from registry.brains.judging import Judgement, choices, judge
from registry.errors import ConflictError
from registry.forms import FIRST_BRAIN, BrainForm
from registry.models import BrainSpec
from registry.pages import page_for
from registry.pagination import next_url, page_of

MOST_OTHERS = 500  # to choose from; a list that long is no list any more


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
    """With `?level=town/L1` also the network that it makes for that level; `?level=` for the first
    it fits."""
    brain = find_brain(request, name)
    context = {
        "brain": brain,
        "full": json.dumps(brain.data, indent=2),
        "may_change": queries.may_change_brain(request.user, brain),
        **level_context(request.GET.get("level")),
    }
    if "level" in request.GET:
        context["judgement"] = judged(brain.yaml_text, request.GET["level"])
    return render(request, "registry/brain.html", context)


@require_POST
@page_for("registry.view_brainspec")
def brain_validate(request: HttpRequest) -> HttpResponse:
    """What is to be said of a text; nothing is kept. htmx asks while somebody types."""
    text = request.POST.get("yaml_text", "").replace("\r\n", "\n")
    judgement = judged(text, request.POST.get("level", ""))
    status = 422 if judgement.faults else 200
    context = {"judgement": judgement}
    return render(request, "registry/brains/_judgement.html", context, status=status)


@require_safe
@page_for("registry.view_brainspec")
def brain_diff(request: HttpRequest, name: str, other: str | None = None) -> HttpResponse:
    """In what two specs differ; without the other, or with `?with=NAME`, the choice of it."""
    if other is None and (chosen := request.GET.get("with")):
        find_brain(request, chosen)
        return redirect("registry:brain-diff", name, chosen)
    brain = find_brain(request, name)
    others = queries.visible_brains(request.user).exclude(pk=brain.pk).order_by("name")
    context = {"brain": brain, "names": others.values_list("name", flat=True)[:MOST_OTHERS]}
    if other is not None:
        right = find_brain(request, other)
        context |= {
            "other": right,
            "fields": differing.field_differences(brain, right),
            "lines": differing.text_lines(brain, right),
            "too_long": differing.too_long(brain, right),
        }
    return render(request, "registry/brains/diff.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("registry.add_brainspec")
def brain_new(request: HttpRequest) -> HttpResponse:
    """An empty form; with `?from=NAME` it begins as a copy."""
    if request.method == "POST":
        return _save(request, BrainForm(request.POST), None)
    text = FIRST_BRAIN
    if source := request.GET.get("from"):
        text = find_brain(request, source).yaml_text
    return _editor(request, BrainForm(initial={"yaml_text": text}), None)


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("registry.change_brainspec")
def brain_edit(request: HttpRequest, name: str) -> HttpResponse:
    brain = _changeable(request, name)
    if request.method == "POST":
        return _save(request, BrainForm(request.POST, brain=brain), brain)
    return _editor(request, BrainForm(initial={"yaml_text": brain.yaml_text}, brain=brain), brain)


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


def judged(text: str, chosen: str) -> Judgement:
    """Args: chosen: `town/L1`, or empty for the first level that it fits."""
    system, _, level = chosen.partition("/")
    try:
        return judge(text, system, level)
    except SpecError as error:  # a level that is on no list of ours
        raise Http404 from error


def level_context(chosen: str | None) -> dict[str, Any]:
    """What `registry/brains/_level.html` needs."""
    return {"level_choices": choices(), "chosen_level": chosen or ""}


def _save(request: HttpRequest, form: BrainForm, brain: BrainSpec | None) -> HttpResponse:
    """Keep it, or with the button `check` only say whether it could be kept."""
    judgement = None
    if form.is_valid():
        # Browsers send CRLF; the text is kept as a file would hold it.
        text = form.cleaned_data["yaml_text"].replace("\r\n", "\n")
        name = brain.name if brain else form.cleaned_data["name"]
        try:
            if "check" in request.POST:
                services.check_brain_and_name(name, text)
                judgement = judged(text, request.POST.get("level", ""))
            else:
                saved = services.save_brain_spec(name, text, request.user, only_new=brain is None)
                messages.success(request, f"{saved.name} is saved.")
                return redirect(saved)
        except SpecError as error:
            form.add_problems(error)
            judgement = judged(text, request.POST.get("level", ""))
        except ConflictError as error:
            form.add_error("name" if "name" in form.fields else None, str(error))
    return _editor(request, form, brain, judgement)


def _editor(
    request: HttpRequest,
    form: BrainForm,
    brain: BrainSpec | None,
    judgement: Judgement | None = None,
) -> HttpResponse:
    """The form, beside it what is to be said of the text. 422 where something is wrong."""
    context = {
        "form": form,
        "brain": brain,
        "judgement": judgement,
        **level_context(request.POST.get("level")),
    }
    wrong = bool(form.errors) or bool(judgement and judgement.faults)
    return render(request, "registry/brain_form.html", context, status=422 if wrong else 200)
