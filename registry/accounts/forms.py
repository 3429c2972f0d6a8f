"""Forms of the account pages. Sign-in and joining count attempts before they judge them."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.utils import timezone

from registry.accounts.addresses import address_of
from registry.accounts.errors import AccountError, ThrottleUnavailableError, TooManyAttemptsError
from registry.accounts.models import Scope, User
from registry.accounts.roles import is_admin
from registry.accounts.throttle import LOGIN, LOGIN_ADDRESS, counted


class CountedLogin:
    """Mixed into Django's sign-in forms, so that the admin's own page has no back door."""

    problem: AccountError | None = None

    def clean(self) -> dict[str, Any]:
        username = str(self.cleaned_data.get("username", ""))[:150].casefold()
        address = address_of(self.request)
        try:
            with counted((LOGIN, (username, address)), (LOGIN_ADDRESS, (address,))) as attempt:
                cleaned = super().clean()
                attempt.forgive()
                return cleaned
        except (TooManyAttemptsError, ThrottleUnavailableError) as error:
            self.problem = error
            raise forms.ValidationError(str(error), code="throttled") from None


class LoginForm(CountedLogin, AuthenticationForm):
    error_messages = {
        "invalid_login": "Name or password is wrong. Both care about capital letters.",
        "inactive": "This account is closed. Ask an admin to open it again.",
    }


class AdminLoginForm(CountedLogin, AdminAuthenticationForm):
    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": "Name or password is wrong, or this account is no admin's.",
    }

    def confirm_login_allowed(self, user: User) -> None:
        if not is_admin(user):
            raise self.get_invalid_login_error()


class JoinForm(forms.Form):
    """A student makes an account with the code of a class."""

    code = forms.CharField(
        label="Class code", max_length=40, help_text="Ten letters and digits; dashes do not matter."
    )
    username = forms.CharField(
        label="User name",
        max_length=150,
        help_text="Others in the class see it.",
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        strip=False,
        help_text="At least 8 characters, not only digits, not one that everybody uses.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("password") != cleaned.get("password_again"):
            self.add_error("password_again", "The two passwords differ. Type it again.")
        return cleaned


class JoinAnotherForm(forms.Form):
    """Somebody who has an account enters one more class."""

    code = forms.CharField(label="Class code", max_length=40)


class TokenForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="What will use it, such as my-notebook.")
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[Scope.READ, Scope.PREDICT],
        help_text="It never opens more than your own role does.",
    )
    expires_at = forms.DateField(
        label="Expires on",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="At the end of this day (UTC); leave empty for no end.",
    )

    def clean_expires_at(self) -> Any:
        day = self.cleaned_data["expires_at"]
        if day is None:
            return None
        end = datetime.combine(day, time.max, tzinfo=UTC)
        if end <= timezone.now():
            raise forms.ValidationError("This day is over; choose a later one.")
        return end


def add_account_error(form: forms.Form, error: AccountError) -> None:
    """Show a refusal beside the field it belongs to."""
    form.add_error(error.field if error.field in form.fields else None, str(error))
