"""A version is registered here; a worker in a process of its own tells the far end."""

from __future__ import annotations

import time

import pytest

from registry.audit.services import record
from registry.models import WebhookDelivery
from tests.webhooks.conftest import make_webhook
from tests.webhooks.receiver import answer

pytestmark = pytest.mark.django_db(transaction=True)


def test_worker_delivers_and_tries_again(celery_worker_process, receiver, certificate, instructor):
    environment = {
        "HAMLET_WEBHOOK_NETWORKS": "127.0.0.0/8",
        "HAMLET_WEBHOOK_CA_FILE": str(certificate),
    }
    celery_worker_process("default", env=environment)
    receiver.behaviours = [answer(503), answer(200)]
    make_webhook(instructor, f"https://127.0.0.1:{receiver.server_port}/")
    record("model.changed", actor=instructor, kind="model", subject="walker")
    deadline = time.monotonic() + 60
    while WebhookDelivery.objects.filter(status="waiting").exists():
        assert time.monotonic() < deadline, list(WebhookDelivery.objects.values())
        time.sleep(0.05)
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.attempts) == ("delivered", 2)
    ids = {received.headers["X-Hamlet-Delivery"] for received in receiver.received}
    assert ids == {str(delivery.event_id)}
