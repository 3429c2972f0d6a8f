"""Accounts, classes and API tokens in Django's admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from registry.accounts import services
from registry.accounts.errors import AccountError
from registry.accounts.forms import AdminLoginForm
from registry.accounts.models import ApiToken, Classroom, Membership, Role, Scope, User
from registry.accounts.roles import is_admin
from registry.admin.read_only import refuse

admin.site.site_header = admin.site.site_title = "HamletWeb"
admin.site.index_title = "What the registry keeps"
admin.site.login_form = AdminLoginForm  # counts attempts, as the other sign-in page does
# By role, as everywhere else; Django would ask for a flag of its own, `is_staff`.
admin.site.has_permission = lambda request: is_admin(request.user)


class AccountForm(UserChangeForm):
    role = forms.ChoiceField(choices=Role.choices)

    class Meta:
        model = User
        fields = ("username", "password", "first_name", "last_name", "email", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:
            self.fields["role"].initial = role_by_group(self.instance)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        losing = cleaned.get("role") != Role.ADMIN or not cleaned.get("is_active", True)
        if losing and self.instance.pk:
            try:
                services.check_not_last_admin(self.instance)
            except AccountError as error:
                refuse(self, "role", error)
        return cleaned


class NewAccountForm(AdminUserCreationForm):
    role = forms.ChoiceField(choices=Role.choices, initial=Role.STUDENT)

    class Meta:
        model = User
        fields = ("username",)


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user", "classroom")


@admin.register(User)
class AccountAdmin(UserAdmin):
    """The role is one choice; groups and flags follow from it."""

    form, add_form = AccountForm, NewAccountForm
    fieldsets = (
        (None, {"fields": ("username", "password", "role", "is_active")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "role", "usable_password", "password1", "password2")}),
    )
    readonly_fields = ("last_login", "date_joined")
    list_display = ("username", "shown_role", "is_active", "last_login")
    list_filter = ("groups", "is_active", "classrooms")
    filter_horizontal = ()
    inlines = (MembershipInline,)
    actions = (
        "make_students",
        "make_instructors",
        "make_admins",
        "open_accounts",
        "close_accounts",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="role")
    def shown_role(self, user: User) -> str:
        return role_by_group(user) or "none"

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "role" in form.cleaned_data:
            services.set_role(form.instance, form.cleaned_data["role"])

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Names the last admins among what is protected, so Django asks for nothing and notes
        nothing, as with everything that cannot be deleted."""
        shown, counts, permissions, protected = super().get_deleted_objects(objs, request)
        admins = services.admin_ids(User.objects.all())
        if admins and admins <= {user.pk for user in objs}:
            kept = [user.username for user in objs if user.pk in admins]
            protected = [*protected, f"{', '.join(kept)}: the only admin. Make another one first."]
        return shown, counts, permissions, protected

    @transaction.atomic
    def response_action(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        """Whole or not at all: a deletion that is refused leaves no note that it was done."""
        return super().response_action(request, queryset)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for user in queryset:
            try:
                services.delete_user(user)
            except AccountError as error:  # the other admin went in this moment
                raise PermissionDenied(str(error)) from error

    @admin.action(description="Make them students", permissions=["change"])
    def make_students(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._for_each(request, queryset, lambda user: services.set_role(user, Role.STUDENT))

    @admin.action(description="Make them instructors", permissions=["change"])
    def make_instructors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._for_each(request, queryset, lambda user: services.set_role(user, Role.INSTRUCTOR))

    @admin.action(description="Make them admins", permissions=["change"])
    def make_admins(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._for_each(request, queryset, lambda user: services.set_role(user, Role.ADMIN))

    @admin.action(description="Open their accounts", permissions=["change"])
    def open_accounts(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._for_each(request, queryset, lambda user: services.set_active(user, True))

    @admin.action(description="Close their accounts", permissions=["change"])
    def close_accounts(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._for_each(request, queryset, lambda user: services.set_active(user, False))

    def _for_each(self, request: HttpRequest, users: Any, do: Callable[[User], None]) -> None:
        """Each by itself: one refusal stops nobody else, and says why."""
        for user in users:
            try:
                do(user)
            except AccountError as error:
                messages.error(request, str(error))


def role_by_group(user: User) -> str | None:
    """By the groups alone, closed accounts too."""
    names = {group.name for group in user.groups.all()} if user.pk else set()
    found = [role.value for role in Role if role.value in names]
    return Role.ADMIN.value if user.is_superuser else (found[-1] if found else None)


@admin.register(Classroom)
class ClassroomAdmin(admin.ModelAdmin):
    list_display = ("name", "spelled_code", "created_at")
    search_fields = ("name",)
    fields = ("name", "spelled_code")
    readonly_fields = ("spelled_code",)
    inlines = (MembershipInline,)
    actions = ("renew_join_codes",)

    @admin.display(description="code for students")
    def spelled_code(self, classroom: Classroom) -> str:
        return classroom.spelled_code if classroom.join_code else "made when it is saved"

    def save_model(self, request: HttpRequest, obj: Classroom, form: Any, change: bool) -> None:
        if not change:
            obj.join_code = services.new_join_code()
        super().save_model(request, obj, form, change)

    @admin.action(description="Give them new join codes", permissions=["change"])
    def renew_join_codes(self, request: HttpRequest, queryset: QuerySet[Classroom]) -> None:
        for classroom in queryset:
            services.renew_join_code(classroom)


class NewTokenForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=[Scope.READ]
    )

    class Meta:
        model = ApiToken
        fields = ("user", "name", "scopes", "expires_at")

    def clean_expires_at(self) -> Any:
        expires = self.cleaned_data["expires_at"]
        if expires is not None and expires <= timezone.now():
            raise forms.ValidationError("This lies in the past; choose a later time, or none.")
        return expires


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """Tokens are issued and revoked, never edited: what they open was decided at the start."""

    list_display = ("name", "prefix", "user", "scopes", "expires_at", "revoked_at", "last_used_at")
    search_fields = ("name", "prefix", "user__username")
    list_select_related = ("user",)
    actions = ("revoke",)

    def get_form(self, request: HttpRequest, obj: ApiToken | None = None, **kwargs: Any) -> Any:
        return super().get_form(request, obj, **({} if obj else {"form": NewTokenForm}), **kwargs)

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple:
        fields = ("user", "name", "scopes", "expires_at")
        return (*fields, "prefix", "created_at", "revoked_at", "last_used_at") if obj else fields

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        token, secret = services.issue_token(obj.user, obj.name, obj.scopes, obj.expires_at)
        obj.pk, obj.prefix, obj.secret = token.pk, token.prefix, secret

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """A page of its own, since the secret is shown only now and put nowhere."""
        context = {**self.admin_site.each_context(request), "token": obj, "secret": obj.secret}
        return TemplateResponse(request, "registry/admin/token_issued.html", context)

    @admin.action(description="Revoke them", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            services.revoke_token(token)
