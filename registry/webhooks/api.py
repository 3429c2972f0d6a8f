"""REST: webhooks, their messages, and sending one again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import PAGING, TEXT, answers, body, page
from registry.pagination import page_data
from registry.webhooks import keeping, queries
from registry.webhooks.models import Webhook, WebhookDelivery
from registry.webhooks.serializers import DeliveryData, NewWebhookData, WebhookData

CHANGE = Access(Scope.MANAGE, "registry.change_webhook")
PROPERTIES: dict[str, Any] = {
    "name": TEXT,
    "url": {"type": "string", "example": "https://example.org/hooks/hamlet"},
    "events": {
        "type": "array",
        "items": {"type": "string", "enum": list(keeping.EVENTS)},
        "minItems": 1,
    },
    "classroom": {
        "type": "integer",
        "nullable": True,
        "description": "a class that you teach; without one, the events of your own models",
    },
    "active": {"type": "boolean", "default": True},
}


def find_webhook(request: Request, webhook_id: int) -> Webhook:
    return get_object_or_404(queries.visible_webhooks(request.user), pk=webhook_id)


def mapping(data: Any) -> dict[str, Any]:
    """Raises: SpecError."""
    if not isinstance(data, dict):
        raise SpecError([Problem("(document)", f"found {describe(data)}; expected a mapping")])
    return data


def with_secret(webhook: Webhook, secret: str) -> dict[str, Any]:
    return {**WebhookData(webhook).data, "secret": secret}


class WebhookList(APIView):
    access = {
        "GET": Access(Scope.MANAGE, "registry.view_webhook"),
        "POST": Access(Scope.MANAGE, "registry.add_webhook"),
    }

    @extend_schema(
        operation_id="list_webhooks",
        parameters=PAGING,
        responses=answers(page(WebhookData), 422),
    )
    def get(self, request: Request) -> Response:
        """Your webhooks; all of them for admins."""
        found = queries.visible_webhooks(request.user)
        return Response(
            page_data(request, found, queries.WEBHOOK_ORDER, lambda hook: WebhookData(hook).data)
        )

    @extend_schema(
        operation_id="create_webhook",
        request=body(["name", "url", "events"], **PROPERTIES),
        responses=answers(NewWebhookData, 409, 422, status=201, takes_body=True),
    )
    def post(self, request: Request) -> Response:
        """Have an address told of events. The secret is in this answer and nowhere else."""
        webhook, secret = keeping.create_webhook(request.user, mapping(request.data))
        return Response(with_secret(webhook, secret), status=201)


class WebhookDetail(APIView):
    access = {
        "GET": Access(Scope.MANAGE, "registry.view_webhook"),
        "PATCH": CHANGE,
        "DELETE": Access(Scope.MANAGE, "registry.delete_webhook"),
    }

    @extend_schema(operation_id="get_webhook", responses=answers(WebhookData, 404))
    def get(self, request: Request, webhook_id: int) -> Response:
        """One webhook, without its secret."""
        return Response(WebhookData(find_webhook(request, webhook_id)).data)

    @extend_schema(
        operation_id="change_webhook",
        request=body([], **PROPERTIES),
        responses=answers(WebhookData, 404, 422, takes_body=True),
    )
    def patch(self, request: Request, webhook_id: int) -> Response:
        """Change the fields that are given."""
        webhook = find_webhook(request, webhook_id)
        changed = keeping.change_webhook(webhook, request.user, mapping(request.data))
        return Response(WebhookData(changed).data)

    @extend_schema(operation_id="delete_webhook", responses=answers(None, 404, status=204))
    def delete(self, request: Request, webhook_id: int) -> Response:
        """Delete a webhook with the history of its messages."""
        keeping.delete_webhook(find_webhook(request, webhook_id), request.user)
        return Response(status=204)


class WebhookSecret(APIView):
    access = {"POST": CHANGE}

    @extend_schema(
        operation_id="rotate_webhook_secret",
        request=None,
        responses=answers(NewWebhookData, 404, status=201),
    )
    def post(self, request: Request, webhook_id: int) -> Response:
        """Make a new secret. For a day messages are signed with the old one too."""
        webhook = find_webhook(request, webhook_id)
        secret = keeping.rotate_secret(webhook, request.user)
        webhook.refresh_from_db()
        return Response(with_secret(webhook, secret), status=201)


class WebhookPing(APIView):
    access = {"POST": CHANGE}

    @extend_schema(
        operation_id="ping_webhook",
        request=None,
        responses=answers(DeliveryData, 404, 409, status=202),
    )
    def post(self, request: Request, webhook_id: int) -> Response:
        """Send a message that tells of nothing, to see whether it arrives."""
        delivery = keeping.ping(find_webhook(request, webhook_id), request.user)
        return Response(DeliveryData(delivery).data, status=202)


class DeliveryList(APIView):
    access = {"GET": Access(Scope.MANAGE, "registry.view_webhookdelivery")}

    @extend_schema(
        operation_id="list_deliveries",
        parameters=PAGING,
        responses=answers(page(DeliveryData), 404, 422),
    )
    def get(self, request: Request, webhook_id: int) -> Response:
        """Messages of a webhook, newest first."""
        found = WebhookDelivery.objects.filter(webhook=find_webhook(request, webhook_id))
        order = queries.DELIVERY_ORDER
        return Response(page_data(request, found, order, lambda sent: DeliveryData(sent).data))


class Redelivery(APIView):
    access = {"POST": CHANGE}

    @extend_schema(
        operation_id="redeliver",
        request=None,
        responses=answers(DeliveryData, 404, 409, status=202),
    )
    def post(self, request: Request, delivery_id: UUID) -> Response:
        """Send a message once more, with the id that it had."""
        found = get_object_or_404(queries.visible_deliveries(request.user), pk=delivery_id)
        return Response(DeliveryData(keeping.redeliver(found)).data, status=202)
