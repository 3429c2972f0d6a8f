"""Making, changing and trying webhooks, over the API, on pages and by command."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from registry.accounts.services import issue_token
from registry.models import AuditEntry, Scope, Webhook, WebhookDelivery
from registry.problems import pointer_of
from registry.webhooks import execution, limits
from tests.webhooks.conftest import make_webhook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]
HOOK = {"name": "CI", "url": "https://hooks.example/x", "events": ["version.registered"]}
JSON = "application/json"


@pytest.fixture
def caller(instructor) -> Client:
    _, secret = issue_token(instructor, "t", [Scope.READ, Scope.MANAGE])
    return Client(headers={"authorization": f"Bearer {secret}"})


def create(caller: Client, **fields):
    return caller.post("/api/v1/webhooks", {**HOOK, **fields}, content_type=JSON)


def test_secret_is_shown_once(caller):
    response = create(caller)
    assert response.status_code == 201
    made = response.json()
    assert made["secret"] == Webhook.objects.get().secret
    assert made["secret"].startswith("whsec_")
    for address in ("/api/v1/webhooks", f"/api/v1/webhooks/{made['id']}"):
        text = caller.get(address).content.decode()
        assert "CI" in text
        assert "whsec_" not in text


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"url": "http://hooks.example/"}, "url"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"url": "https://user@hooks.example/"}, "url"),
        ({"url": 5}, "url"),
        ({"events": []}, "events"),
        ({"events": ["ping"]}, "events[0]"),
        ({"events": ["version.registered", "version.registered"]}, "events[1]"),
        ({"classroom": 10**6}, "classroom"),
        ({"active": "yes"}, "active"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_faults_are_named_by_their_place(caller, fields, path):
    response = create(caller, **fields)
    assert response.status_code == 422
    assert pointer_of(path) in [error["pointer"] for error in response.json()["errors"]]
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("document", [[], "x", None, 5])
def test_body_must_be_a_mapping(caller, document):
    made = make_for(caller)
    for method, address in (("post", "/api/v1/webhooks"), ("patch", f"/api/v1/webhooks/{made}")):
        response = getattr(caller, method)(address, document, content_type=JSON)
        assert response.status_code in (400, 422), response.content


def make_for(caller: Client, **fields) -> int:
    return create(caller, **fields).json()["id"]


def test_change_touches_what_is_given_alone(caller, settings):
    pk = make_for(caller)
    changed = caller.patch(f"/api/v1/webhooks/{pk}", {"active": False}, content_type=JSON)
    assert changed.status_code == 200
    webhook = Webhook.objects.get()
    assert (webhook.active, webhook.url) == (False, HOOK["url"])
    bad = caller.patch(f"/api/v1/webhooks/{pk}", {"activ": False}, content_type=JSON)
    assert bad.status_code == 422
    assert "did you mean active" in bad.content.decode()


def test_webhook_to_an_address_that_is_no_longer_allowed_can_be_switched_off(
    caller, instructor, settings
):
    settings.WEBHOOK_NETWORKS = ["10.0.0.0/8"]
    webhook = make_webhook(instructor, "https://10.1.2.3/")
    settings.WEBHOOK_NETWORKS = []
    address = f"/api/v1/webhooks/{webhook.pk}"
    changed = caller.patch(address, {"active": False}, content_type=JSON)
    assert changed.status_code == 200
    again = caller.patch(address, {"url": "https://10.1.2.3/"}, content_type=JSON)
    assert again.status_code == 422


def test_one_account_has_a_bounded_number(caller, monkeypatch):
    monkeypatch.setattr(limits, "MOST_WEBHOOKS_PER_OWNER", 2)
    assert [create(caller).status_code for _ in range(3)] == [201, 201, 409]


def test_nobody_sees_the_webhooks_of_another(caller, admin):
    pk = make_for(caller)
    from registry.accounts.models import Role
    from tests.running.people import make_person

    other = Client()
    other.force_login(make_person("other", Role.INSTRUCTOR))
    assert other.get(f"/api/v1/webhooks/{pk}").status_code == 404
    assert other.get("/api/v1/webhooks").json()["items"] == []
    assert other.get(f"/webhooks/{pk}/").status_code == 404
    other.force_login(admin)
    assert other.get(f"/api/v1/webhooks/{pk}").status_code == 200


def test_ping_arrives_and_stands_in_the_history(caller, receiver):
    pk = make_for(caller, url=receiver.url)
    response = caller.post(f"/api/v1/webhooks/{pk}/ping")
    assert (response.status_code, response.json()["status"]) == (202, "waiting")
    execution.send(WebhookDelivery.objects.get().pk)
    (sent,) = caller.get(f"/api/v1/webhooks/{pk}/deliveries").json()["items"]
    assert (sent["status"], sent["answer_status"], sent["event"]) == ("delivered", 204, "ping")
    again = caller.post(f"/api/v1/deliveries/{sent['id']}/redeliver")
    assert again.status_code == 202
    assert again.json()["event_id"] == sent["event_id"]
    assert again.json()["id"] != sent["id"]
    waiting = caller.post(f"/api/v1/deliveries/{again.json()['id']}/redeliver")
    assert (waiting.status_code, "still on its way" in waiting.json()["detail"]) == (409, True)


def test_rotation_answers_with_the_new_secret_alone(caller):
    made = create(caller).json()
    response = caller.post(f"/api/v1/webhooks/{made['id']}/secret")
    assert response.status_code == 201
    assert response.json()["secret"] not in ("", made["secret"])
    assert made["secret"] not in response.content.decode()
    assert response.json()["old_secret_until"]


def test_deleting_takes_the_history_along_and_is_written_down(caller, instructor):
    pk = make_for(caller)
    caller.post(f"/api/v1/webhooks/{pk}/ping")
    assert caller.delete(f"/api/v1/webhooks/{pk}").status_code == 204
    assert not WebhookDelivery.objects.exists()
    said = AuditEntry.objects.filter(action="webhook.changed").order_by("sequence")
    assert [entry.details["what"] for entry in said] == ["made", "deleted"]
    assert said[0].details["host"] == "hooks.example"


# -- pages ----------------------------------------------------------------------------------------


def test_page_makes_a_webhook_and_shows_its_secret_once(client, instructor):
    client.force_login(instructor)
    assert client.get("/webhooks/new/").status_code == 200
    response = client.post("/webhooks/new/", {**HOOK, "active": "on"})
    assert response.status_code == 201
    webhook = Webhook.objects.get()
    assert webhook.secret in response.content.decode()
    assert response.headers["Cache-Control"].find("no-store") >= 0
    for address in (f"/webhooks/{webhook.pk}/", "/webhooks/", f"/webhooks/{webhook.pk}/edit/"):
        page = client.get(address)
        assert page.status_code == 200
        assert webhook.secret not in page.content.decode()


def test_page_shows_faults_beside_their_fields(client, instructor):
    client.force_login(instructor)
    response = client.post("/webhooks/new/", {**HOOK, "url": "https://127.0.0.1/"})
    assert response.status_code == 422
    assert "is not public" in response.content.decode()


def test_page_shows_messages_and_sends_them_again(client, instructor, webhook, receiver):
    client.force_login(instructor)
    client.post(f"/webhooks/{webhook.pk}/ping/")
    delivery = WebhookDelivery.objects.get()
    refused = client.post(f"/webhooks/deliveries/{delivery.pk}/redeliver/")
    assert refused.status_code == 409
    execution.send(delivery.pk)
    page = client.get(f"/webhooks/{webhook.pk}/").content.decode()
    assert "delivered" in page
    assert "Send again" in page
    again = client.post(f"/webhooks/deliveries/{delivery.pk}/redeliver/")
    assert again.status_code == 302
    assert WebhookDelivery.objects.count() == 2


def test_what_the_far_end_says_is_no_markup(client, instructor, webhook, receiver):
    from tests.webhooks.receiver import answer

    client.force_login(instructor)
    receiver.behaviours = [answer(302, Location="https://x/<script>alert(1)</script>\x1b[31m")]
    client.post(f"/webhooks/{webhook.pk}/ping/")
    execution.send(WebhookDelivery.objects.get().pk)
    page = client.get(f"/webhooks/{webhook.pk}/").content.decode()
    assert "<script>alert" not in page
    assert "\x1b" not in page


# -- the command


def run_command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("webhooks", *arguments, stdout=out)
    return out.getvalue()


def test_command_lists_and_tries(webhook, receiver):
    assert "hook (instructor, on): hooks.example" in run_command()
    assert run_command("--ping", str(webhook.pk)).startswith("delivered 204")
    assert len(receiver.received) == 1
    with pytest.raises(CommandError, match="no webhook 999"):
        run_command("--ping", "999")
    assert "sent        0 messages" in run_command("--send")
