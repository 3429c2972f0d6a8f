"""Who asks: a user, and the token of his program, with all that deciding about them needs.

Looked up once, so that nothing here asks the database again: the user's role and permissions are
kept on the user.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from registry.accounts.authentication import REALM
from registry.accounts.models import ApiToken, Scope, User
from registry.accounts.permissions import Access, check_access
from registry.accounts.roles import role_of
from registry.accounts.services import find_token

PREDICT = Access(Scope.PREDICT, "registry.predict_modelversion")
READ = Access(Scope.READ, "registry.view_modelversion")
BEARER = "bearer"


@dataclass(frozen=True)
class Caller:
    """A user who is known; `token` is None for a signed-in browser.

    `allowed` remembers what was found allowed: a Caller is of a moment, and made anew.
    """

    user: User
    token: ApiToken | None
    allowed: set[Access] = field(default_factory=set)

    def check(self, access: Access) -> None:
        """Raises: PermissionDenied saying which scope or role is missing; AuthenticationFailed
        once the token's time is over."""
        if self.token is not None and self.token.has_expired:
            raise refuse("This token has expired. Make a new one on the account page.")
        if access not in self.allowed:
            check_access(self.user, self.token, access)
            self.allowed.add(access)


@dataclass(frozen=True)
class Browser:
    """Stands for the token that a signed-in browser has not, where requests are counted."""

    id: str
    requests_per_minute: int | None = None


def counted(user: User, token: ApiToken | None) -> ApiToken | Browser:
    """What the limit of requests goes by: each token by itself, and each user's browsers."""
    return Browser(f"user-{user.pk}") if token is None else token


def find_caller(secret: str) -> Caller:
    """Raises: AuthenticationFailed (401)."""
    token = find_token(secret)
    if token is None:
        raise unknown_token()
    role_of(token.user)
    token.user.get_all_permissions()
    return Caller(token.user, token)


def secret_of(authorization: bytes) -> str:
    """The token in an Authorization header. Raises: NotAuthenticated, AuthenticationFailed."""
    kind, _, secret = authorization.decode("latin-1").strip().partition(" ")
    if not kind:
        error = NotAuthenticated("Send an API token: 'Authorization: Bearer hw_...'.")
        error.auth_header = REALM
        raise error
    secret = secret.strip()
    if kind.lower() != BEARER or not secret or " " in secret:
        raise refuse("The Authorization header must read 'Bearer hw_...' with one token.")
    return secret


def unknown_token() -> AuthenticationFailed:
    return refuse("This token is unknown, expired or revoked. Make a new one on the account page.")


def refuse(message: str) -> AuthenticationFailed:
    error = AuthenticationFailed(message)
    error.auth_header = REALM
    return error
