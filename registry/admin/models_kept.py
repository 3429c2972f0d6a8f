"""Models, their aliases and the moves of these in Django's admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from hamlet.errors import SpecError
from hamlet.systems import SYSTEMS
from registry import names, services
from registry.admin.by_services import ByServicesAdmin, do_for_each
from registry.admin.read_only import ReadOnlyAdmin, refuse
from registry.aliases import services as aliases
from registry.errors import ConflictError
from registry.models import Alias, AliasMove, RegisteredModel
from registry.owning import hand_over
from registry.tags import check_description, check_tags


class DescribedForm(forms.ModelForm):
    """Tags and a description, judged as the services judge them."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name, check, empty in (
            ("tags", check_tags, {}),
            ("description", check_description, ""),
        ):
            try:
                if name in cleaned:
                    cleaned[name] = check(empty if cleaned[name] is None else cleaned[name])
            except SpecError as error:
                refuse(self, name, error)
        return cleaned


class RegisteredModelForm(DescribedForm):
    system = forms.ChoiceField(choices=[(system.name, system.title) for system in SYSTEMS.values()])

    class Meta:
        model = RegisteredModel
        fields = ("name", "system", "description", "tags", "owner", "classroom")

    def clean_name(self) -> str:
        try:
            return names.check_name(self.cleaned_data["name"])
        except SpecError as error:
            raise forms.ValidationError([problem.message for problem in error.problems]) from None


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ByServicesAdmin):
    """Deleted for good on a page of its own, which shows beforehand what goes with it."""

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

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"owner": request.user.pk, **super().get_changeform_initial_data(request)}

    def has_delete_permission(
        self, request: HttpRequest, obj: RegisteredModel | None = None
    ) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: RegisteredModel, form: Any, change: bool
    ) -> None:
        given = {"owner": obj.owner, "classroom": obj.classroom}
        card = {"tags": obj.tags, "description": obj.description}
        if not change:
            made = services.create_model(name=obj.name, system=obj.system, user=request.user)
            obj.pk = made.pk
        hand_over(obj, user=request.user, **given)
        services.change_model(obj, request.user, **card)


class AliasForm(forms.ModelForm):
    """Judged by the same services that move it."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        model = cleaned.get("model") or getattr(self.instance, "model", None)
        name = cleaned.get("name") or self.instance.name
        version = cleaned.get("version")
        if version and model and version.model_id != model.pk:
            self.add_error("version", f"Choose a version of {model.name}.")
        if "name" in cleaned:
            try:
                names.check_alias(cleaned["name"])
            except (SpecError, ConflictError) as error:
                refuse(self, "name", error)
        if version and model and not self.errors:
            try:
                aliases.check_not_protected(model, name)
                aliases.check_may_be_named(version, name)
            except ConflictError as error:
                refuse(self, "version", error)
        return cleaned


@admin.register(Alias)
class AliasAdmin(ByServicesAdmin):
    """Moving, adding and removing go through the services, so each leaves its row of history."""

    form = AliasForm
    list_display = ("model", "name", "version", "protected")
    search_fields = ("model__name", "name")
    raw_id_fields = ("model", "version")
    list_select_related = ("model", "version__model")
    actions = ("protect", "free")

    def get_readonly_fields(self, request: HttpRequest, obj: Alias | None = None) -> tuple:
        return ("model", "name", "protected") if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Alias | None = None) -> bool:
        return super().has_change_permission(request, obj) and not moves_by_itself(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Alias | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not moves_by_itself(obj)

    def save_model(self, request: HttpRequest, obj: Alias, form: Any, change: bool) -> None:
        obj.pk = aliases.move_alias(obj.model, obj.name, obj.version, request.user).pk

    def delete_model(self, request: HttpRequest, obj: Alias) -> None:
        aliases.remove_alias(obj.model, obj.name, request.user)

    def lock(self, chosen: QuerySet[Alias]) -> None:
        super().lock(RegisteredModel.objects.filter(aliases__in=chosen.values("pk")))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Alias]) -> None:
        for alias in queryset.select_related("model"):
            aliases.remove_alias(alias.model, alias.name, request.user)

    @admin.action(description="Protect", permissions=["change"])
    def protect(self, request: HttpRequest, queryset: QuerySet[Alias]) -> None:
        self._protect(request, queryset, True, "Protected")

    @admin.action(description="Free", permissions=["change"])
    def free(self, request: HttpRequest, queryset: QuerySet[Alias]) -> None:
        self._protect(request, queryset, False, "Freed")

    def _protect(self, request: HttpRequest, queryset: Any, protected: bool, done: str) -> None:
        def protect(alias: Alias) -> None:
            aliases.protect_alias(alias.model, alias.name, protected, request.user)

        do_for_each(request, queryset, protect, done)


def moves_by_itself(alias: Alias | None) -> bool:
    return alias is not None and alias.name == names.LATEST


@admin.register(AliasMove)
class AliasMoveAdmin(ReadOnlyAdmin):
    list_display = ("moved_at", "model", "name", "old_number", "new_number", "moved_by")
    search_fields = ("model__name", "name")
    list_select_related = ("model", "moved_by")
