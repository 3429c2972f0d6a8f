"""From an audit entry to a signed message at the far end: at least once, each with one id."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from registry.aliases.services import move_alias
from registry.audit.services import record
from registry.models import AuditEntry, Webhook, WebhookDelivery
from registry.webhooks import execution, keeping, lifecycle, limits, tasks
from registry.webhooks.errors import NotRedeliverableError
from tests.webhooks.receiver import answer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]


def send_all(now=None) -> list[float | None]:
    """What a worker does, one message after the other."""
    waiting = WebhookDelivery.objects.filter(status="waiting").order_by("created_at")
    return [execution.send(pk) for pk in waiting.values_list("pk", flat=True)]


def due_now(delivery: WebhookDelivery) -> None:
    """The clock goes on to the next attempt."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())


def expected(secret: str, received) -> str:
    told = received.headers
    signed = f"{told['X-Hamlet-Delivery']}.{told['X-Hamlet-Timestamp']}.".encode() + received.body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def test_registering_a_version_is_told_with_a_signature_that_checks(
    receiver, webhook, register, instructor
):
    register(user=instructor)
    send_all()
    told = {received.headers["X-Hamlet-Event"]: received for received in receiver.received}
    assert {"version.registered", "alias.moved"} <= set(told)
    received = told["version.registered"]
    entry = AuditEntry.objects.get(action="version.registered")
    assert json.loads(received.body) == {
        "id": received.headers["X-Hamlet-Delivery"],
        "event": "version.registered",
        "happened_at": entry.happened_at.isoformat(),
        "subject": "walker/1.0.0",
        "kind": "version",
        "actor": "instructor",
        "details": entry.details,
    }
    assert received.headers["X-Hamlet-Signature"] == expected(webhook.secret, received)
    assert abs(int(received.headers["X-Hamlet-Timestamp"]) - timezone.now().timestamp()) < 60
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"delivered"}


def test_nothing_is_told_of_what_was_rolled_back(model, webhook, instructor):
    with transaction.atomic():
        record("model.changed", actor=instructor, kind="model", subject=model.name)
        assert WebhookDelivery.objects.exists()
        transaction.set_rollback(True)
    assert not WebhookDelivery.objects.exists()


def test_message_is_sent_when_its_transaction_has_ended(
    model, webhook, instructor, monkeypatch, django_capture_on_commit_callbacks
):
    started = []
    monkeypatch.setattr(tasks.send_delivery, "apply_async", lambda args, **_: started.append(args))
    with django_capture_on_commit_callbacks(execute=True):
        record("model.changed", actor=instructor, kind="model", subject=model.name)
        assert started == []
    assert started == [[str(WebhookDelivery.objects.get().pk)]]


def test_without_webhooks_telling_costs_one_query(model, instructor, django_assert_num_queries):
    from registry.webhooks.services import announce

    entry = record("model.changed", actor=instructor, kind="model", subject=model.name)
    with django_assert_num_queries(1):
        assert announce(entry) == []


# -- trying again -----------------------------------------------------------------------------


@pytest.fixture
def delivery(webhook, instructor) -> WebhookDelivery:
    return keeping.ping(webhook, instructor)


def test_overload_and_failures_of_the_far_end_are_tried_again(receiver, delivery):
    receiver.behaviours = [answer(503), answer(429), answer(500), answer(200, b"thanks")]
    waits = []
    for _ in range(4):
        waits.append(execution.send(delivery.pk))
        due_now(delivery)
    assert waits == [1.0, 2.0, 4.0, None]
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts, delivery.answer_status) == ("delivered", 4, 200)
    assert delivery.answer_excerpt == "thanks"
    ids = {received.headers["X-Hamlet-Delivery"] for received in receiver.received}
    assert ids == {str(delivery.event_id)}
    assert len({received.body for received in receiver.received}) == 1


def test_pauses_double_up_to_a_minute():
    assert [limits.pause_s(n) for n in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_refusal_of_the_far_end_is_final(receiver, delivery, status):
    receiver.behaviours = [answer(status, b"no")]
    assert execution.send(delivery.pk) is None
    delivery.refresh_from_db()
    assert (delivery.status, delivery.answer_status) == ("failed", status)
    assert f"answered {status}" in delivery.problem


def test_redirect_is_final_and_names_where_to(receiver, delivery):
    receiver.behaviours = [answer(307, Location="https://169.254.169.254/")]
    assert execution.send(delivery.pk) is None
    delivery.refresh_from_db()
    assert delivery.status == "failed"
    assert "redirects to https://169.254.169.254/" in delivery.problem
    assert len(receiver.received) == 1


def test_refused_address_is_final(delivery, names, connections):
    from tests.webhooks.receiver import NAME

    names[NAME] = [["169.254.169.254"]]
    assert execution.send(delivery.pk) is None
    delivery.refresh_from_db()
    assert delivery.status == "failed"
    assert "is not public" in delivery.problem
    assert connections == []


def test_broken_network_is_tried_again_until_all_attempts_are_used_up(receiver, delivery):
    receiver.stop()
    assert execution.send(delivery.pk) == 1.0
    delivery.refresh_from_db()
    assert "refused" in delivery.problem
    WebhookDelivery.objects.update(
        attempts=limits.MOST_ATTEMPTS - 1, next_attempt_at=timezone.now()
    )
    assert execution.send(delivery.pk) is None
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("failed", limits.MOST_ATTEMPTS)


def test_webhook_that_was_switched_off_gets_nothing_more(receiver, webhook, delivery, instructor):
    keeping.change_webhook(webhook, instructor, {"active": False})
    assert execution.send(delivery.pk) is None
    delivery.refresh_from_db()
    assert delivery.problem == "the webhook is switched off"
    assert receiver.received == []


def test_attempt_that_is_under_way_is_not_made_twice(receiver, delivery):
    now = timezone.now()
    assert lifecycle.claim(delivery.pk, now) is not None
    assert lifecycle.claim(delivery.pk, now) is None
    assert execution.send(delivery.pk) is None
    assert receiver.received == []


def test_worker_that_lost_its_lease_writes_nothing(delivery):
    first = lifecycle.claim(delivery.pk, timezone.now())
    later = timezone.now() + limits.LEASE + timedelta(seconds=1)
    second = lifecycle.claim(delivery.pk, later)
    assert second.attempts == 2
    assert not lifecycle.fail(first, later, problem="late")
    assert lifecycle.deliver(second, later)


def test_sweep_finds_what_was_left_lying(webhook, delivery, monkeypatch):
    started = []
    monkeypatch.setattr(tasks.send_delivery, "apply_async", lambda args, **_: started.append(args))
    tasks.send_overdue()
    assert started == [], "it is due since a moment; its own task has it"
    lifecycle.claim(delivery.pk, timezone.now())
    WebhookDelivery.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=10))
    tasks.send_overdue()
    assert started == [[str(delivery.pk)]]


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_sends(receiver, delivery):
    def work(_: int) -> None:
        try:
            execution.send(delivery.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(receiver.received) == 1


# -- secrets and sending again ------------------------------------------------------------------


def test_old_secret_signs_beside_the_new_one_for_a_day(receiver, webhook, instructor):
    old = webhook.secret
    new = keeping.rotate_secret(webhook, instructor)
    keeping.ping(webhook, instructor)
    send_all()
    signatures = receiver.received[-1].headers["X-Hamlet-Signature"].split(" ")
    assert signatures == [
        expected(new, receiver.received[-1]),
        expected(old, receiver.received[-1]),
    ]
    Webhook.objects.update(old_secret_until=timezone.now())
    keeping.ping(webhook, instructor)
    send_all()
    assert receiver.received[-1].headers["X-Hamlet-Signature"] == (
        expected(new, receiver.received[-1])
    )


def test_message_sent_again_carries_the_same_id_and_a_fresh_signature(receiver, webhook, delivery):
    with pytest.raises(NotRedeliverableError, match="still on its way"):
        keeping.redeliver(delivery)
    receiver.behaviours = [answer(404), answer(200)]
    execution.send(delivery.pk)
    delivery.refresh_from_db()
    again = keeping.redeliver(delivery)
    execution.send(again.pk)
    first, second = receiver.received
    assert first.headers["X-Hamlet-Delivery"] == second.headers["X-Hamlet-Delivery"]
    assert first.body == second.body
    delivery.refresh_from_db()
    again.refresh_from_db()
    assert (delivery.status, again.status) == ("failed", "delivered")


def test_ended_messages_are_forgotten_after_a_month(receiver, delivery, webhook, instructor):
    execution.send(delivery.pk)
    waiting = keeping.ping(webhook, instructor)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        ended_at=timezone.now() - timedelta(days=31)
    )
    assert keeping.drop_old_deliveries() == 1
    assert list(WebhookDelivery.objects.all()) == [waiting]


def test_secret_stands_in_no_audit_entry(webhook, instructor, receiver):
    keeping.rotate_secret(webhook, instructor)
    webhook.refresh_from_db()
    said = json.dumps(list(AuditEntry.objects.values_list("details", "subject")))
    assert webhook.secret not in said
    assert webhook.old_secret not in said
    assert "/hook" not in said


def test_alias_that_moves_is_told_once_to_each(receiver, webhook, register, instructor, model):
    version = register()
    send_all()
    receiver.received.clear()
    move_alias(model, "best", version, instructor)
    send_all()
    assert [r.headers["X-Hamlet-Event"] for r in receiver.received] == ["alias.moved"]


def test_check_of_the_manual_works_as_printed(receiver, webhook, instructor):
    from pathlib import Path

    from django.conf import settings

    manual = (Path(settings.BASE_DIR) / "docs/manual/webhooks.md").read_text()
    code = manual.split("```python\n")[1].split("```")[0]
    space: dict = {}
    exec(compile(code, "webhooks.md", "exec"), space)
    keeping.ping(webhook, instructor)
    send_all()
    received = receiver.received[-1]
    genuine = space["is_genuine"]
    assert genuine(webhook.secret, received.headers, received.body)
    assert not genuine(webhook.secret, received.headers, received.body + b" ")
    assert not genuine("whsec_another", received.headers, received.body)
    old = {**received.headers, "X-Hamlet-Timestamp": "1000000000"}
    assert not genuine(webhook.secret, old, received.body)
