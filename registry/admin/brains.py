"""Brain specs in Django's admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from hamlet.errors import SpecError
from registry import names, services
from registry.admin.by_services import ByServicesAdmin
from registry.admin.read_only import refuse
from registry.models import BrainSpec


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
class BrainSpecAdmin(ByServicesAdmin):
    form = BrainSpecForm
    list_display = ("name", "spec_hash", "owner", "changed_at")
    search_fields = ("name", "spec_hash")
    readonly_fields = ("spec_hash", "owner", "created_at", "changed_at")
    list_select_related = ("owner",)

    def get_readonly_fields(self, request: HttpRequest, obj: BrainSpec | None = None) -> tuple:
        # The name stands in addresses and runs.
        return (*self.readonly_fields, "name") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: BrainSpec, form: Any, change: bool) -> None:
        saved = services.save_brain_spec(obj.name, obj.yaml_text, request.user, only_new=not change)
        obj.pk, obj.spec_hash = saved.pk, saved.spec_hash

    def delete_model(self, request: HttpRequest, obj: BrainSpec) -> None:
        services.delete_brain_spec(obj, request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[BrainSpec]) -> None:
        for brain in queryset:
            services.delete_brain_spec(brain, request.user)
