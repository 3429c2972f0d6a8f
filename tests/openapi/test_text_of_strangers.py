"""Text that people wrote is shown as they wrote it: on pages, in files, in headers and in logs."""

from __future__ import annotations

import logging

import pytest
from django.test import Client
from django.urls import reverse

from registry.accounts.models import User
from registry.models import ModelVersion, RegisteredModel
from registry.versions.execution import end_check
from tests.openapi.sending import JSON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url", "artifact_dir")]
MARKUP = "<script>alert(1)</script>{{ 7|add:7 }}{% debug %}<img src=x onerror=alert(2)>"
YAML = f"# {MARKUP}\narchitecture: {{type: dueling}}\ndescription: '{MARKUP}'\n"


@pytest.fixture
def caller(instructor: User) -> Client:
    client = Client()
    client.force_login(instructor)
    return client


@pytest.fixture
def written(caller: Client, things: dict) -> None:
    """Markup in every field that takes text."""
    model = {"description": MARKUP, "tags": {"team": MARKUP}}
    for method, path, body in (
        ("PATCH", "models/walker", model),
        ("PATCH", "models/walker/versions/1.0.0/card", model),
        ("PUT", "models/walker/aliases/named", {"version": "1.0.0", "reason": MARKUP}),
        ("POST", "brains", {"name": "marked", "yaml": YAML}),
        ("POST", "train", {"system": "town", "level": "L0", "name": MARKUP}),
    ):
        answer = caller.generic(method, f"/api/v1/{path}", as_json(body), content_type=JSON)
        assert answer.status_code < 300, answer.content
    version = ModelVersion.objects.get(major=1, minor=0, patch=0)
    end_check(version.checks.get(), {}, MARKUP)


def as_json(data: object) -> str:
    import json

    return json.dumps(data)


def pages() -> list[str]:
    return [
        reverse("registry:model-list"),
        reverse("registry:model", args=["walker"]),
        reverse("registry:version", args=["walker", "1.0.0"]),
        reverse("registry:history", args=["walker"]),
        reverse("registry:audit"),
        reverse("registry:brain", args=["marked"]),
        reverse("registry:brain-edit", args=["marked"]),
        reverse("registry:brain-diff", args=["small", "marked"]),
        reverse("registry:version-search") + "?q=" + "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        reverse("live:run-list"),
    ]


def test_markup_is_shown_and_not_obeyed_on_every_page(caller, written):
    shown = 0
    for address in pages():
        page = caller.get(address).content.decode()
        assert "<script>alert" not in page, address
        assert "<img src=x" not in page, address
        assert "{{ 14 }}" not in page
        assert "7|add:7" in page or "{{ 7" not in page
        shown += "&lt;script&gt;alert(1)" in page
    assert shown >= 7


def test_markup_is_shown_and_not_obeyed_in_the_admin(admin, written):
    client = Client()
    client.force_login(admin)
    version = ModelVersion.objects.get(major=1, minor=0, patch=0)
    model = RegisteredModel.objects.get(name="walker")
    for table, row in (("modelversion", version.pk), ("registeredmodel", model.pk)):
        page = client.get(reverse(f"admin:registry_{table}_change", args=[row])).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_answers_of_the_api_are_no_pages_to_a_browser(caller, written):
    answer = caller.get("/api/v1/models/walker")
    assert answer["Content-Type"] == "application/json"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer.json()["description"] == MARKUP


@pytest.mark.parametrize("text", ["a\r\nSet-Cookie: session=stolen", "a\nX: y", "\x00", "\x1b[2J"])
def test_no_line_of_a_name_becomes_a_header(caller, things, text):
    from urllib.parse import quote

    for address in (f"/models/{quote(text)}/", f"/api/v1/models/{quote(text)}/versions"):
        answer = caller.get(address)
        assert answer.status_code in (400, 404)
        assert "stolen" not in str(answer.headers)
        assert "session" not in answer.cookies


def test_colours_of_a_terminal_do_not_reach_the_log(caller, caplog):
    with caplog.at_level(logging.DEBUG):
        caller.get("/models/%1b%5b31mred%1b%5b0m/")
        caller.get("/api/v1/models/%1b%5b2J")
    assert "red" in caplog.text
    assert "\x1b" not in "".join(record.getMessage() for record in caplog.records)
