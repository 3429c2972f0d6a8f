"""Pages of webhooks: the list, one webhook with its messages, and the secret when it is new."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hamlet.errors import SpecError
from registry.errors import ConflictError
from registry.pages import page_for
from registry.pagination import next_url, page_of
from registry.webhooks import keeping, queries
from registry.webhooks.forms import WebhookForm
from registry.webhooks.models import Webhook


@require_safe
@page_for("registry.view_webhook")
def webhook_list(request: HttpRequest) -> HttpResponse:
    try:
        page = page_of(request, queries.visible_webhooks(request.user), queries.WEBHOOK_ORDER)
    except SpecError:
        return redirect("webhooks:list")
    context = {
        "webhooks": page.items,
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
    }
    return render(request, "registry/webhooks/list.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@page_for("registry.add_webhook")
def webhook_new(request: HttpRequest) -> HttpResponse:
    """Answers with the page itself and not a redirect, since the secret is shown only now."""
    if request.method != "POST":
        form = WebhookForm(owner=request.user)
        return render(request, "registry/webhooks/form.html", {"form": form})
    form = WebhookForm(request.POST, owner=request.user)
    if form.is_valid():
        try:
            webhook, secret = keeping.create_webhook(request.user, form.data_for_service())
            return webhook_answer(request, webhook, secret=secret, status=201)
        except SpecError as error:
            form.add_problems(error)
        except ConflictError as error:
            form.add_error(None, str(error))
    return render(request, "registry/webhooks/form.html", {"form": form}, status=422)


@require_safe
@page_for("registry.view_webhook")
def webhook_page(request: HttpRequest, webhook_id: int) -> HttpResponse:
    return webhook_answer(request, find_webhook(request, webhook_id))


@require_http_methods(["GET", "HEAD", "POST"])
@page_for("registry.change_webhook")
def webhook_edit(request: HttpRequest, webhook_id: int) -> HttpResponse:
    webhook = find_webhook(request, webhook_id)
    form, status = WebhookForm.of(webhook), 200
    if request.method == "POST":
        form, status = WebhookForm(request.POST, owner=webhook.owner), 422
        if form.is_valid():
            try:
                keeping.change_webhook(webhook, request.user, form.data_for_service())
                messages.success(request, f"{webhook.name} is saved.")
                return redirect("webhooks:webhook", webhook.pk)
            except SpecError as error:
                form.add_problems(error)
    context = {"form": form, "webhook": webhook}
    return render(request, "registry/webhooks/form.html", context, status=status)


@never_cache
@require_POST
@page_for("registry.change_webhook")
def webhook_rotate(request: HttpRequest, webhook_id: int) -> HttpResponse:
    webhook = find_webhook(request, webhook_id)
    secret = keeping.rotate_secret(webhook, request.user)
    webhook.refresh_from_db()
    return webhook_answer(request, webhook, secret=secret, status=201)


@require_POST
@page_for("registry.delete_webhook")
def webhook_delete(request: HttpRequest, webhook_id: int) -> HttpResponse:
    webhook = find_webhook(request, webhook_id)
    keeping.delete_webhook(webhook, request.user)
    messages.success(request, f"{webhook.name} is deleted.")
    return redirect("webhooks:list")


@require_POST
@page_for("registry.change_webhook")
def webhook_ping(request: HttpRequest, webhook_id: int) -> HttpResponse:
    webhook = find_webhook(request, webhook_id)
    return _sent(request, webhook, lambda: keeping.ping(webhook, request.user))


@require_POST
@page_for("registry.change_webhook")
def redeliver(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    delivery = get_object_or_404(queries.visible_deliveries(request.user), pk=delivery_id)
    return _sent(request, delivery.webhook, lambda: keeping.redeliver(delivery))


def find_webhook(request: HttpRequest, webhook_id: int) -> Webhook:
    return get_object_or_404(queries.visible_webhooks(request.user), pk=webhook_id)


def _sent(request: HttpRequest, webhook: Webhook, send: object) -> HttpResponse:
    try:
        send()
    except ConflictError as error:
        return webhook_answer(request, webhook, problem=str(error), status=409)
    messages.success(request, "It is on its way. Reload to see how far it got.")
    return redirect("webhooks:webhook", webhook.pk)


def webhook_answer(
    request: HttpRequest,
    webhook: Webhook,
    *,
    secret: str | None = None,
    problem: str | None = None,
    status: int = 200,
) -> HttpResponse:
    try:
        page = page_of(request, webhook.deliveries.all(), queries.DELIVERY_ORDER)
    except SpecError:
        return redirect("webhooks:webhook", webhook.pk)
    context = {
        "webhook": webhook,
        "secret": secret,
        "problem": problem,
        "deliveries": page.items,
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
    }
    return render(request, "registry/webhooks/webhook.html", context, status=status)
