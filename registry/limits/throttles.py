"""The limit of tokens for Django REST framework, whose own throttles count without a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.throttling import BaseThrottle

from registry.accounts.models import ApiToken
from registry.limits.leases import token_limits

if TYPE_CHECKING:  # rest_framework.views imports this module, by the name in the settings
    from rest_framework.request import Request
    from rest_framework.views import APIView


class TokenThrottle(BaseThrottle):
    """Every API token; signed-in browsers are not limited here."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Raises: TooManyRequestsError, which says more than DRF's own answer."""
        if isinstance(request.auth, ApiToken):
            token_limits().take(request.auth)
        return True
