"""Versions in Django's admin: register a file, check it, stage it, let an alias name it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from hamlet.errors import HamletError, SpecError
from registry.admin.by_services import ByServicesAdmin, do_for_each
from registry.admin.models_kept import DescribedForm
from registry.admin.read_only import ReadOnlyAdmin, refuse
from registry.aliases.services import move_alias
from registry.errors import RegistryError
from registry.models import Export, ModelVersion, VersionCard, VersionCheck, VersionStatus
from registry.names import PRODUCTION
from registry.versions import services, uploading
from registry.versions.forms import UploadForm

FIELDSETS = (
    (None, {"fields": ("file", "model", "system", "classroom", "description", "tags")}),
    ("Where it comes from", {"fields": ("parent", "dataset", "part"), "classes": ("collapse",)}),
    ("The file holds plain weights", {"fields": ("brain", "layout"), "classes": ("collapse",)}),
)


class NamingForm(forms.Form):
    """Which alias shall name the version."""

    alias = forms.CharField(max_length=50, initial=PRODUCTION)
    reason = forms.CharField(max_length=200, required=False)


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin, ByServicesAdmin):
    """Added by a file, never changed, deleted for good on a page of its own."""

    list_display = ("model", "number", "status", "format", "registered_by", "created_at")
    list_filter = ("card__status", "format", "model__system")
    search_fields = ("model__name", "artifact__sha256", "run_id")
    list_select_related = ("model", "card", "registered_by")
    fields = (
        *("model", "number", "status", "aliases", "last_check", "description", "tags", "format"),
        *("artifact", "run_id", "parent", "brain_spec_hash", "layout_hash", "signature"),
        *("lineage", "parameters", "metrics", "registered_by", "created_at"),
    )
    readonly_fields = ("number", "status", "aliases", "last_check", "description", "tags")
    actions = ("check_file", "stage", "take_back", "archive", "restore", "let_alias_name_it")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registry.add_modelversion")

    def has_steer_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registry.change_versioncard")

    @admin.display(ordering="card__status")
    def status(self, version: ModelVersion) -> str:
        return version.card.status

    @admin.display
    def aliases(self, version: ModelVersion) -> str:
        return ", ".join(alias.name for alias in version.aliases.all()) or "none"

    @admin.display
    def last_check(self, version: ModelVersion) -> str:
        check = version.checks.first()
        if check is None:
            return "none"
        return {None: "not done yet", True: "passed"}.get(
            check.passed
        ) or f"failed: {check.problem}"

    @admin.display
    def description(self, version: ModelVersion) -> str:
        return version.card.description

    @admin.display
    def tags(self, version: ModelVersion) -> str:
        return json.dumps(version.card.tags, ensure_ascii=False)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The form of a file. `?model=NAME` chooses the model beforehand."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            form = UploadForm(request.user, request.POST, request.FILES)
            if version := self._register(request, form):
                messages.success(request, f"{version} is registered. Its check begins now.")
                return HttpResponseRedirect(page_of(version))
        else:
            form = UploadForm(request.user, initial={"model": request.GET.get("model", "")})
        context = {
            "title": "Register a file",
            "form": form,
            "adminform": AdminForm(form, FIELDSETS, {}),
        }
        return self._page(request, "register.html", context, 422 if form.is_bound else 200)

    def _register(self, request: HttpRequest, form: UploadForm) -> ModelVersion | None:
        if not form.is_valid():
            return None
        try:
            return uploading.register_upload(
                form.find_model, form.files, form.details(), request.user
            )
        except SpecError as error:
            form.add_problems(error)
        except (RegistryError, HamletError) as error:
            form.add_error("file", str(error))
        return None

    @admin.action(description="Check", permissions=["steer"])
    def check_file(
        self, request: HttpRequest, queryset: QuerySet[ModelVersion]
    ) -> HttpResponse | None:
        do_for_each(request, queryset, lambda v: services.ask_check(v, request.user), "To check")
        return self._back(request)

    @admin.action(description="Stage", permissions=["steer"])
    def stage(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> HttpResponse | None:
        return self._move(request, queryset, VersionStatus.STAGED, "Staged")

    @admin.action(description="Take back", permissions=["steer"])
    def take_back(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return self._move(request, queryset, VersionStatus.VALIDATED, "Taken back")

    @admin.action(description="Archive", permissions=["steer"])
    def archive(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return self._move(request, queryset, VersionStatus.ARCHIVED, "Archived")

    @admin.action(description="Take out of the archive", permissions=["steer"])
    def restore(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return self._move(request, queryset, VersionStatus.REGISTERED, "Taken out")

    @admin.action(description="Let an alias name it", permissions=["steer"])
    def let_alias_name_it(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """Asks which alias first, on a page between."""
        versions = list(queryset.select_related("model")[:2])
        if len(versions) != 1:
            messages.error(request, "An alias names one version. Choose one.")
            return None
        (version,) = versions
        form = NamingForm(request.POST if "apply" in request.POST else None)
        if form.is_valid() and self._name(request, version, form):
            messages.success(
                request, f"{version.model.name}@{form.cleaned_data['alias']} names {version}."
            )
            return HttpResponseRedirect(page_of(version))
        context = {
            "title": f"Let an alias name {version}",
            "version": version,
            "form": form,
            "adminform": AdminForm(form, [(None, {"fields": ("alias", "reason")})], {}),
        }
        return self._page(request, "let_alias_name_it.html", context)

    def _name(self, request: HttpRequest, version: ModelVersion, form: NamingForm) -> bool:
        alias, reason = form.cleaned_data["alias"], form.cleaned_data["reason"]
        try:
            move_alias(version.model, alias, version, request.user, reason=reason)
        except (RegistryError, SpecError) as error:
            refuse(form, None, error)
            return False
        return True

    def _move(
        self, request: HttpRequest, queryset: QuerySet, status: VersionStatus, done: str
    ) -> HttpResponse | None:
        move = partial(services.set_status, status=status, user=request.user)
        do_for_each(request, queryset.select_related("model"), move, done)
        return self._back(request)

    def _back(self, request: HttpRequest) -> HttpResponse | None:
        """To the page of the version whose button was pressed; else the list is shown again."""
        chosen = request.POST.getlist(admin.helpers.ACTION_CHECKBOX_NAME)
        if "from_its_page" in request.POST and len(chosen) == 1 and chosen[0].isdigit():
            return HttpResponseRedirect(
                reverse("admin:registry_modelversion_change", args=[chosen[0]])
            )
        return None

    def _page(
        self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        name = f"admin/registry/modelversion/{template}"
        return TemplateResponse(request, name, context, status=status)


def page_of(version: ModelVersion) -> str:
    return reverse("admin:registry_modelversion_change", args=[version.pk])


class VersionCardForm(DescribedForm):
    class Meta:
        model = VersionCard
        fields = ("description", "tags")


@admin.register(VersionCard)
class VersionCardAdmin(ByServicesAdmin):
    """Tags and description; the status moves by the actions of the version."""

    form = VersionCardForm
    list_display = ("version", "status", "description", "changed_at")
    list_filter = ("status",)
    search_fields = ("version__model__name", "description")
    list_select_related = ("version__model",)
    readonly_fields = ("version", "status", "changed_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: VersionCard | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: VersionCard, form: Any, change: bool) -> None:
        services.change_card(obj.version, request.user, tags=obj.tags, description=obj.description)


@admin.register(VersionCheck)
class VersionCheckAdmin(ReadOnlyAdmin):
    list_display = ("version", "asked_at", "asked_by", "ended_at", "passed", "problem")
    list_filter = ("passed",)
    search_fields = ("version__model__name",)
    list_select_related = ("version__model", "asked_by")


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("version", "format", "parity_relative", "artifact", "created_at")
    list_filter = ("format",)
    search_fields = ("version__model__name",)
    list_select_related = ("version__model", "artifact")
