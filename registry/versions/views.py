"""Pages of versions: one with the lines that use it, its status and origin; the upload form."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hamlet.errors import HamletError, SpecError
from registry import queries
from registry.audit.queries import history_of
from registry.audit.wording import words_of
from registry.downloads import export_name, send_artifact, send_checkpoint
from registry.errors import ConflictError, RegistryError, VersionNotFoundError
from registry.exports.models import ExportFormat
from registry.models import ModelVersion
from registry.pages import page_for
from registry.usage import curl_line, three_lines
from registry.versions import browser, lifecycle, services, uploading
from registry.versions.forms import CardForm, UploadForm
from registry.versions.models import VersionStatus
from registry.versions.queries import checks_of, exports_of

HISTORY_SHOWN = 20
STEPS = (
    VersionStatus.REGISTERED,
    VersionStatus.VALIDATED,
    VersionStatus.STAGED,
    VersionStatus.DEPLOYED,
)


@require_safe
@page_for("registry.view_modelversion")
def version_page(request: HttpRequest, name: str, number: str) -> HttpResponse:
    return show(request, find_version(request, name, number))


@require_safe
@page_for("registry.view_modelversion")
def status_panel(request: HttpRequest, name: str, number: str) -> HttpResponse:
    """The panel alone; it asks for itself again while a check goes on."""
    context = status_context(request, find_version(request, name, number))
    return render(request, "registry/versions/_status.html", context)


@require_POST
@page_for("registry.change_versioncard")
def change_status(request: HttpRequest, name: str, number: str) -> HttpResponse:
    version = find_version(request, name, number)
    data = request.POST
    change = partial(
        services.set_status, version, data.get("status", ""), reason=data.get("reason", "")[:200]
    )
    return change_panel(request, version, change)


@require_POST
@page_for("registry.add_versioncheck")
def check(request: HttpRequest, name: str, number: str) -> HttpResponse:
    version = find_version(request, name, number)
    return change_panel(request, version, partial(services.ask_check, version))


@require_POST
@page_for("registry.change_versioncard")
def change_card(request: HttpRequest, name: str, number: str) -> HttpResponse:
    version = find_version(request, name, number)
    form = CardForm(request.POST)
    if form.is_valid():
        try:
            services.change_card(version, request.user, **form.cleaned_data)
        except SpecError as error:
            form.add_problems(error)
        else:
            return redirect(version)
    return show(request, version, card_form=form, status=422)


@require_safe
@page_for("registry.download_modelversion")
def download(request: HttpRequest, name: str, number: str) -> HttpResponse:
    return send_checkpoint(request, find_version(request, name, number))


@require_safe
@page_for("registry.download_modelversion")
def download_export(request: HttpRequest, name: str, number: str, form: str) -> HttpResponse:
    version = find_version(request, name, number)
    export = get_object_or_404(exports_of(version), format=form)
    return send_artifact(request, export.artifact, export_name(version, form))


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("registry.add_modelversion")
def upload(request: HttpRequest) -> HttpResponse:
    """Bring a file. `?model=NAME` chooses the model beforehand."""
    if request.method != "POST":
        form = UploadForm(request.user, initial={"model": request.GET.get("model", "")})
        return render(request, "registry/versions/upload.html", {"form": form})
    form = UploadForm(request.user, request.POST, request.FILES)
    if form.is_valid():
        try:
            version = uploading.register_upload(
                form.find_model, form.files, form.details(), request.user
            )
        except SpecError as error:
            form.add_problems(error)
        except (RegistryError, HamletError) as error:
            form.add_error("file", str(error))
        else:
            messages.success(request, f"{version} is registered. Its check begins now.")
            return redirect(version)
    return render(request, "registry/versions/upload.html", {"form": form}, status=422)


def find_version(request: HttpRequest, name: str, number: str) -> ModelVersion:
    try:
        return queries.find_version(request.user, name, number)
    except VersionNotFoundError as error:
        raise Http404 from error


def show(
    request: HttpRequest,
    version: ModelVersion,
    *,
    card_form: CardForm | None = None,
    problem: str | None = None,
    status: int = 200,
) -> HttpResponse:
    card = {"description": version.card.description, "tags": CardForm.spell(version.card.tags)}
    exports = list(exports_of(version))
    context = {
        **status_context(request, version, problem),
        "aliases": queries.aliases_of(version),
        "signature": version.signature,
        "signature_json": json.dumps(version.signature, indent=2),
        "lineage": flatten(version.lineage),
        "metrics": sorted(version.metrics.items()),
        "exports": [(export, export_name(version, export.format)) for export in exports],
        "three_lines": three_lines(version),
        "curl_line": curl_line(version, request.build_absolute_uri("/").rstrip("/")),
        "javascript": browser.script(version),
        "runtime": browser.RUNTIME,
        "tensors": json.dumps(browser.tensors(version)),
        "can_run_here": browser.can_run(version, exports),
        "history": [(entry, words_of(entry)) for entry in history_of(version)[:HISTORY_SHOWN]],
        "card_form": card_form or CardForm(initial=card),
        "edits_card": card_form is not None,
    }
    response = render(request, "registry/versions/version.html", context, status=status)
    response.runs_wasm = True  # hamletweb.security_headers
    return response


def status_context(
    request: HttpRequest, version: ModelVersion, problem: str | None = None
) -> dict[str, Any]:
    """What `registry/versions/_status.html` needs."""
    status = lifecycle.status_of(version)
    newest = checks_of(version).first()
    return {
        "version": version,
        "status": status,
        "steps": [(step, STEPS.index(step) <= _place(status)) for step in STEPS],
        "check": newest,
        "timings": timings(newest.report) if newest else [],
        "parities": parities(newest.report) if newest else [],
        "may_change": queries.may_change_model(request.user, version.model),
        "problem": problem,
    }


def _place(status: VersionStatus) -> int:
    return STEPS.index(status) if status in STEPS else -1


def timings(report: dict[str, Any]) -> list[tuple[str, float]]:
    """(rows, milliseconds) of each batch size that the check timed."""
    return [(rows, value / 1000) for rows, value in report.get("p50_us", {}).items()]


def parities(report: dict[str, Any]) -> list[tuple[str, str]]:
    """(format, how far its answers are from the original's, or why there is none)."""
    return [
        (
            ExportFormat(form).label,
            found.get("problem") or f"answers differ by {found['relative']:.1e} (relative) at most",
        )
        for form, found in report.get("exports", {}).items()
    ]


def change_panel(
    request: HttpRequest, version: ModelVersion, change: Callable[..., Any]
) -> HttpResponse:
    """Do it and show the panel, or without htmx the page."""
    problem = None
    try:
        change(user=request.user)
    except ConflictError as error:
        problem = str(error)
    version = find_version(request, version.model.name, version.number)
    if problem is None and not request.htmx:
        return redirect(version)
    status = 409 if problem else 200
    if not request.htmx:
        return show(request, version, problem=problem, status=status)
    context = status_context(request, version, problem)
    return render(request, "registry/versions/_status.html", context, status=status)


def flatten(data: Any, path: str = "") -> list[tuple[str, Any]]:
    """Nested data as (path, value) rows for a table."""
    if isinstance(data, dict) and data:
        return [
            row
            for key, value in data.items()
            for row in flatten(value, f"{path}.{key}" if path else str(key))
        ]
    return [(path, data)] if path else []
