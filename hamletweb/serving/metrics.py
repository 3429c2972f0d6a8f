"""`/metrics` of a serving process: what it counts itself. The web process tells of the platform."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector
from prometheus_client import generate_latest as text_of
from rest_framework.exceptions import PermissionDenied

from hamletweb.health.requests import REGISTRY
from hamletweb.health.views import MayReadMetrics
from hamletweb.serving.incoming import read_headers
from hamletweb.serving.outgoing import refusal
from hamletweb.serving.runner import Serving
from registry.accounts.models import Scope
from registry.accounts.roles import is_admin
from registry.serving.callers import secret_of
from registry.serving.counting import serving_metrics
from registry.serving.protocol.answers import Reply

PROCESS = CollectorRegistry()
ProcessCollector(registry=PROCESS)


async def metrics(serving: Serving, scope: dict[str, Any]) -> Reply:
    """For HAMLET_METRICS_TOKEN, and for an admin's token with the scope `manage`."""
    try:
        await check_reader(serving, secret_of(read_headers(scope).authorization))
    except Exception as error:
        return refusal(error, protocol=False)
    text = text_of(PROCESS) + text_of(REGISTRY) + serving_metrics()
    return Reply(text, content_type=CONTENT_TYPE_LATEST)


async def check_reader(serving: Serving, secret: str) -> None:
    """Raises: AuthenticationFailed, PermissionDenied, TooBusyError."""
    wanted = settings.METRICS_TOKEN
    if wanted and secrets.compare_digest(secret.encode(), wanted.encode()):
        return
    caller = await serving.callers.get(secret)
    if not is_admin(caller.user) or Scope.MANAGE.value not in caller.token.scopes:
        raise PermissionDenied(MayReadMetrics.message)
