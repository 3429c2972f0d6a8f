"""Who may call what on the API: a scope for the token and a permission for its owner.

A view says it for every method, and a method it does not name is a mistake of ours that no
client can use:

    class VersionList(APIView):
        access = {"GET": Access(Scope.READ, "registry.view_modelversion")}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from registry.accounts.models import ApiToken, Scope, User
from registry.accounts.roles import role_of

if TYPE_CHECKING:  # rest_framework.views imports this module, by the name in the settings
    from rest_framework.views import APIView


@dataclass(frozen=True)
class Access:
    """What one method of a view asks for.

    Attributes:
        scope: a token must carry it; a signed-in session carries all of them.
        permission: the user's role must have it, as `app.codename`; None for any signed-in user.
        or_scopes: others of which one does as well.
    """

    scope: Scope
    permission: str | None
    or_scopes: tuple[Scope, ...] = ()

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """A token must carry one of them."""
        return (self.scope, *self.or_scopes)


class RoleAndScope(BasePermission):
    """Both must agree, so a token never opens more than its owner may do."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not request.user.is_authenticated:
            return False
        if getattr(view, request.method.lower(), None) is None:
            return True  # 405 follows
        access = find_access(request.method, view)
        if access is None:
            return True
        check_access(request.user, request.auth, access)
        return True


def find_access(method: str, view: APIView) -> Access | None:
    declared = getattr(view, "access", {})
    if method == "OPTIONS":
        return None
    wanted = declared.get("GET" if method == "HEAD" else method)
    if wanted is None:
        raise ImproperlyConfigured(
            f"{type(view).__name__} answers {method} but its `access` does not say who may call it"
        )
    return wanted


def check_access(user: User, token: ApiToken | None, access: Access) -> None:
    """Raises: PermissionDenied saying which scope or role is missing."""
    if isinstance(token, ApiToken) and set(access.scopes).isdisjoint(token.scopes):
        raise PermissionDenied(
            f"The token '{token.name}' has the scopes {', '.join(token.scopes)}; this needs "
            f"{' or '.join(access.scopes)}. Make a token with it on the account page."
        )
    if access.permission and not user.has_perm(access.permission):
        role = role_of(user)
        named = f"Your role ({role.value})" if role else "Your account, which has no role,"
        raise PermissionDenied(f"{named} may not do this. It needs {access.permission}.")
