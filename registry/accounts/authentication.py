"""Who calls the API: `Authorization: Bearer hw_...`, or the session of a signed-in browser."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from registry.accounts.models import ApiToken, User
from registry.accounts.services import find_token

REALM = 'Bearer realm="HamletWeb"'


class TokenAuthentication(BaseAuthentication):
    """Sets `request.user` to the token's owner and `request.auth` to the token."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        if len(parts) != 2:
            raise AuthenticationFailed(
                "The Authorization header must read 'Bearer hw_...' with one token."
            )
        token = find_token(parts[1].decode("latin-1"))
        if token is None:
            raise AuthenticationFailed(
                "This token is unknown, expired or revoked. Make a new one on the account page."
            )
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return REALM
