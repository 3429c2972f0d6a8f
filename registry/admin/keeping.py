"""Brain specs, models, versions, aliases, checkpoints and artifacts in Django's admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from hamlet.errors import SpecError
from hamlet.systems import SYSTEMS
from registry import names, services
from registry.admin.read_only import ReadOnlyAdmin, refuse
from registry.errors import ConflictError
from registry.models import (
    Alias,
    AliasMove,
    Artifact,
    BrainSpec,
    Checkpoint,
    ModelVersion,
    RegisteredModel,
)


class BrainSpecForm(forms.ModelForm):
    yaml_text = forms.CharField(
        label="YAML", strip=False, widget=forms.Textarea(attrs={"rows": 30, "cols": 100})
    )

    class Meta:
        model = BrainSpec
        fields = ("name", "yaml_text")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        try:
            if "name" in cleaned:
                names.check_name(cleaned["name"])
        except SpecError as error:
            refuse(self, "name", error)
        try:
            if text := cleaned.get("yaml_text"):
                cleaned["yaml_text"] = text.replace("\r\n", "\n")
                services.check_brain(cleaned["yaml_text"])
        except SpecError as error:
            refuse(self, "yaml_text", error)
        return cleaned


@admin.register(BrainSpec)
class BrainSpecAdmin(admin.ModelAdmin):
    form = BrainSpecForm
    list_display = ("name", "spec_hash", "owner", "changed_at")
    search_fields = ("name", "spec_hash")
    readonly_fields = ("spec_hash", "owner", "created_at", "changed_at")
    list_select_related = ("owner",)

    def get_readonly_fields(self, request: HttpRequest, obj: BrainSpec | None = None) -> tuple:
        # The name stands in addresses and runs.
        return (*self.readonly_fields, "name") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: BrainSpec, form: Any, change: bool) -> None:
        saved = services.save_brain_spec(obj.name, obj.yaml_text, request.user)
        obj.pk, obj.spec_hash = saved.pk, saved.spec_hash


class RegisteredModelForm(forms.ModelForm):
    system = forms.ChoiceField(choices=[(system.name, system.title) for system in SYSTEMS.values()])

    class Meta:
        model = RegisteredModel
        fields = ("name", "system", "description", "owner", "classroom")

    def clean_name(self) -> str:
        try:
            return names.check_name(self.cleaned_data["name"])
        except SpecError as error:
            raise forms.ValidationError([problem.message for problem in error.problems]) from None


@admin.register(RegisteredModel)
class RegisteredModelAdmin(admin.ModelAdmin):
    form = RegisteredModelForm
    list_display = ("name", "system", "classroom", "owner", "created_at")
    list_filter = ("system", "classroom")
    search_fields = ("name",)
    autocomplete_fields = ("owner", "classroom")
    list_select_related = ("classroom", "owner")

    def get_readonly_fields(
        self, request: HttpRequest, obj: RegisteredModel | None = None
    ) -> tuple:
        return ("name", "system") if obj else ()


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    list_display = ("model", "number", "artifact", "registered_by", "created_at")
    list_filter = ("model__system",)
    search_fields = ("model__name", "artifact__sha256", "run_id")
    list_select_related = ("model", "artifact", "registered_by")


class AliasForm(forms.ModelForm):
    """Judged by the same services that move it."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        model = cleaned.get("model") or getattr(self.instance, "model", None)
        version = cleaned.get("version")
        if version and model and version.model_id != model.pk:
            self.add_error("version", f"Choose a version of {model.name}.")
        if "name" in cleaned:
            try:
                names.check_alias(cleaned["name"])
            except (SpecError, ConflictError) as error:
                refuse(self, "name", error)
        return cleaned


@admin.register(Alias)
class AliasAdmin(admin.ModelAdmin):
    """Moving, adding and removing go through the services, so each leaves its row of history."""

    form = AliasForm
    list_display = ("model", "name", "version")
    search_fields = ("model__name", "name")
    raw_id_fields = ("model", "version")
    list_select_related = ("model", "version__model")

    def get_readonly_fields(self, request: HttpRequest, obj: Alias | None = None) -> tuple:
        return ("model", "name") if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Alias | None = None) -> bool:
        return super().has_change_permission(request, obj) and not moves_by_itself(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Alias | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not moves_by_itself(obj)

    def save_model(self, request: HttpRequest, obj: Alias, form: Any, change: bool) -> None:
        obj.pk = services.move_alias(obj.model, obj.name, obj.version, request.user).pk

    def delete_model(self, request: HttpRequest, obj: Alias) -> None:
        services.remove_alias(obj.model, obj.name, request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Alias]) -> None:
        for alias in queryset.select_related("model"):
            services.remove_alias(alias.model, alias.name, request.user)


def moves_by_itself(alias: Alias | None) -> bool:
    return alias is not None and alias.name == names.LATEST


@admin.register(AliasMove)
class AliasMoveAdmin(ReadOnlyAdmin):
    list_display = ("moved_at", "model", "name", "old_version", "new_version", "moved_by")
    search_fields = ("model__name", "name")
    list_select_related = ("model", "old_version__model", "new_version__model", "moved_by")


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ("run_id", "kind", "at", "artifact", "created_at")
    list_filter = ("kind",)
    search_fields = ("run_id",)
    list_select_related = ("artifact",)


@admin.register(Artifact)
class ArtifactAdmin(ReadOnlyAdmin):
    list_display = ("sha256", "size_bytes", "media_type", "created_at")
    list_filter = ("media_type",)
    search_fields = ("sha256",)
