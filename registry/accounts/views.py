"""Pages of accounts: sign in and out, join a class, change the password, keep API tokens."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from registry.accounts import queries, services
from registry.accounts.addresses import address_of
from registry.accounts.errors import AccountError, ThrottleUnavailableError, TooManyAttemptsError
from registry.accounts.forms import (
    JoinAnotherForm,
    JoinForm,
    LoginForm,
    TokenForm,
    add_account_error,
)
from registry.accounts.models import ApiToken
from registry.accounts.roles import role_of, teaches
from registry.accounts.throttle import JOIN_ADDRESS, counted


class SignInView(LoginView):
    form_class = LoginForm
    template_name = "registration/login.html"
    http_method_names = ["get", "head", "post"]
    redirect_authenticated_user = True

    def form_invalid(self, form: LoginForm) -> HttpResponse:
        response = super().form_invalid(form)
        return answer_with_status(response, form.problem)


class ChangePasswordView(PasswordChangeView):
    template_name = "registration/password_change.html"
    http_method_names = ["get", "head", "post"]
    success_url = reverse_lazy("account")

    def form_valid(self, form: Form) -> HttpResponse:
        messages.success(self.request, "Your password is changed. Your API tokens still work.")
        return super().form_valid(form)

    def form_invalid(self, form: Form) -> HttpResponse:
        return answer_with_status(super().form_invalid(form), None)


def answer_with_status(response: HttpResponse, problem: Exception | None) -> HttpResponse:
    """A page that refuses says so in its status too."""
    response.status_code = 422
    if isinstance(problem, TooManyAttemptsError):
        response.status_code = 429
        response.headers["Retry-After"] = str(problem.retry_after_s)
    elif isinstance(problem, ThrottleUnavailableError):
        response.status_code = 503
    return response


@sensitive_post_parameters("password", "password_again")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """Somebody new makes an account; somebody signed in enters one more class."""
    known = request.user.is_authenticated
    form_class = JoinAnotherForm if known else JoinForm
    # A link may carry the code: /accounts/join/?code=ABCDE-FGHJK
    form = form_class(request.POST or None, initial={"code": request.GET.get("code", "")[:40]})
    problem = None
    if request.method == "POST" and form.is_valid():
        try:
            return _join(request, form)
        except AccountError as error:
            problem = error
            add_account_error(form, error)
    response = render(request, "accounts/join.html", {"form": form})
    return answer_with_status(response, problem) if request.method == "POST" else response


def _join(request: HttpRequest, form: Form) -> HttpResponse:
    data = form.cleaned_data
    with counted((JOIN_ADDRESS, (address_of(request),))) as attempt:
        # Only codes are guessed; a name that is taken costs the person nothing.
        services.find_classroom(data["code"])
        attempt.forgive()
    if request.user.is_authenticated:
        classroom = services.join_another_class(request.user, data["code"])
        messages.success(request, f"You are in {classroom.name} now.")
    else:
        user = services.join_class(data["code"], data["username"], data["password"])
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        messages.success(request, f"Welcome, {user.username}.")
    return redirect(resolve_url(settings.LOGIN_REDIRECT_URL))


@never_cache
@login_required
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    return _account_page(request, TokenForm())


@never_cache
@login_required
@require_POST
def create_token(request: HttpRequest) -> HttpResponse:
    """Answers with the page itself and not a redirect, since the secret is shown only now."""
    form = TokenForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            token, secret = services.issue_token(
                request.user, data["name"], data["scopes"], data["expires_at"]
            )
            return _account_page(request, TokenForm(), token=token, secret=secret, status=201)
        except AccountError as error:
            add_account_error(form, error)
    return _account_page(request, form, status=422)


@login_required
@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    token = get_object_or_404(queries.tokens_of(request.user), pk=token_id)
    services.revoke_token(token)
    messages.success(request, f"The token {token.name} is revoked.")
    return redirect("account")


def _account_page(
    request: HttpRequest,
    form: TokenForm,
    *,
    token: ApiToken | None = None,
    secret: str | None = None,
    status: int = 200,
) -> HttpResponse:
    memberships = request.user.memberships.select_related("classroom").order_by("classroom__name")
    for membership in memberships:
        # An instructor who lost the role keeps the row, but not the code.
        membership.taught = membership.teaches and teaches(request.user, membership.classroom_id)
    context = {
        "form": form,
        "new_token": token,
        "secret": secret,
        "tokens": queries.tokens_of(request.user),
        "role": role_of(request.user),
        "memberships": memberships,
    }
    return render(request, "accounts/account.html", context, status=status)
