"""Pages of bundles: take a model along, and bring one."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from hamlet.errors import SpecError
from registry.artifacts.errors import ArtifactTooLargeError
from registry.bundles import services, uploads
from registry.bundles.errors import BundleConflictError, BundleError
from registry.bundles.forms import BundleForm
from registry.downloads import stream
from registry.errors import BusyError, OverloadedError
from registry.pages import page_for
from registry.versions.errors import FileRejectedError
from registry.views import find_model

REFUSALS = {
    BundleError: 422,
    FileRejectedError: 422,
    SpecError: 422,
    BundleConflictError: 409,
    ArtifactTooLargeError: 413,
    BusyError: 429,
    OverloadedError: 429,
}


@require_safe
@page_for("registry.download_modelversion")
def bundle_of_model(request: HttpRequest, name: str) -> HttpResponse:
    model = find_model(request, name)
    file, size_bytes = uploads.written([model], request.user)
    response = stream(request, file, uploads.MEDIA_TYPE)
    response.headers["Content-Length"] = str(size_bytes)
    response.headers["Content-Disposition"] = f'attachment; filename="{model.name}.zip"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("registry.add_modelversion")
def import_bundle(request: HttpRequest) -> HttpResponse:
    """A form, and what the import did; a refusal says why, and nothing of it was kept."""
    form = BundleForm(request.POST or None, request.FILES or None, user=request.user)
    imported, status = None, 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                imported, status = _import(request, form), 201
            except tuple(REFUSALS) as error:
                status = next(code for kind, code in REFUSALS.items() if isinstance(error, kind))
                form.add_error("bundle", str(error))
    context = {"form": form, "imported": imported}
    return render(request, "registry/bundles/import.html", context, status=status)


def _import(request: HttpRequest, form: BundleForm) -> object:
    data = form.cleaned_data
    rename = uploads.read_rename(data["rename"].split())
    with uploads.received(data["bundle"]) as path:
        return services.import_bundle(
            path, user=request.user, classroom=data["classroom"], rename=rename
        )
