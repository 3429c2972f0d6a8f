"""The three routes. `/healthz` and `/readyz` are open; `/metrics` is for admins and scrapers."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from hamletweb.health.checks import run_checks
from hamletweb.health.metrics import metrics_text
from registry.accounts.authentication import TokenAuthentication
from registry.accounts.models import Scope
from registry.accounts.roles import is_admin

SCRAPER = "scraper"


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """The process is alive. Asks nobody else, so that a lost database restarts no web server."""
    return JsonResponse({"status": "alive"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """503 as long as something is missing that every request needs. Missing workers are named
    and change nothing: pages and predictions work without them."""
    checks = run_checks()
    ready = all(check.ok for check in checks if check.needed)
    return JsonResponse(
        {"ready": ready, "checks": [check.to_data() for check in checks]},
        status=200 if ready else 503,
    )


class ScraperAuthentication(BaseAuthentication):
    """`Authorization: Bearer <HAMLET_METRICS_TOKEN>`, for a Prometheus that has no account."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, str] | None:
        wanted = settings.METRICS_TOKEN.encode()
        kind, _, given = get_authorization_header(request).partition(b" ")
        if wanted and kind.lower() == b"bearer" and secrets.compare_digest(given, wanted):
            return AnonymousUser(), SCRAPER
        return None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="HamletWeb"'


class MayReadMetrics(BasePermission):
    """The scraper's token, a token with the scope `manage` of an admin, or a signed-in admin.

    Not "whoever calls from this machine": behind a proxy everybody does.
    """

    message = "Metrics are for admins: an API token with the scope manage, or HAMLET_METRICS_TOKEN."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.auth == SCRAPER:
            return True
        scopes = getattr(request.auth, "scopes", Scope.values)
        return is_admin(request.user) and Scope.MANAGE.value in scopes


class Metrics(APIView):
    authentication_classes = (ScraperAuthentication, TokenAuthentication, SessionAuthentication)
    permission_classes = (MayReadMetrics,)
    schema = None  # no part of the API that people program against

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(metrics_text(), content_type=CONTENT_TYPE_LATEST)
