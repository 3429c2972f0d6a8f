"""Pages of versions, their status, their history and the audit log, without a browser."""

from __future__ import annotations

import pytest
from django.test import Client

from registry.aliases.services import move_alias
from registry.audit.models import AuditEntry
from registry.versions import lifecycle
from registry.versions.lifecycle import status_of
from registry.versions.services import set_status

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(instructor) -> Client:
    client = Client()
    client.force_login(instructor)
    return client


@pytest.fixture
def checked(version):
    version.checks.update(ended_at="2026-01-01T00:00:00Z", passed=True, report={"p50_us": {"1": 5}})
    lifecycle.move(version, "validated")
    return version


def test_panel_asks_again_while_a_check_goes_on_and_rests_after_it(client, version):
    url = "/models/walker/versions/1.0.0/panel/"
    assert "hx-trigger" in client.get(url).content.decode()
    version.checks.update(ended_at="2026-01-01T00:00:00Z", passed=False, problem="it is <torn>")
    text = client.get(url).content.decode()
    assert "hx-trigger" not in text
    assert "it is &lt;torn&gt;" in text


def test_version_is_staged_from_its_page_with_and_without_javascript(client, checked):
    url = "/models/walker/versions/1.0.0/status/"
    assert client.post(url, {"status": "staged"}).headers["Location"] == checked.get_absolute_url()
    panel = client.post(url, {"status": "validated"}, headers=HTMX)
    assert (panel.status_code, status_of(checked)) == (200, "validated")
    assert "5" in panel.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "panel"])
def test_move_that_is_not_possible_says_why(client, checked, model, headers):
    move_alias(model, "best", checked)
    response = client.post(
        "/models/walker/versions/1.0.0/status/", {"status": "archived"}, headers=headers
    )
    assert response.status_code == 409
    assert "named by best" in response.content.decode()


def test_description_and_tags_are_edited_and_faults_are_shown(client, version):
    url = "/models/walker/versions/1.0.0/card/"
    fields = {"description": "walks <b>far</b>", "tags": "team: red\nkept: no: really"}
    assert client.post(url, fields).status_code == 302
    version.card.refresh_from_db()
    assert version.card.tags == {"team": "red", "kept": "no: really"}
    assert "walks &lt;b&gt;far&lt;/b&gt;" in client.get(version.get_absolute_url()).content.decode()
    for tags, words in (("red", "expected name: text"), ("a: 1\na: 2", "twice"), ("1: x", "found")):
        response = client.post(url, {"tags": tags})
        assert response.status_code == 422
        assert words in response.content.decode()
    version.card.refresh_from_db()
    assert version.card.tags == {"team": "red", "kept": "no: really"}


def test_history_page_says_what_was_live(client, register, model, instructor):
    first, _ = register(), register(seed=1)
    move_alias(model, "best", first, instructor, reason="walks <far>")
    text = client.get("/models/walker/history/").content.decode()
    assert "walks &lt;far&gt;" in text
    assert (
        "No alias named a version"
        in client.get("/models/walker/history/?at=2020-01-01T00:00:00Z").content.decode()
    )
    response = client.get("/models/walker/history/?at=yesterday")
    assert response.status_code == 422
    assert "expected a time such as" in response.content.decode()


def test_audit_page_is_filtered_and_keeps_markup_of_people_harmless(client, version, instructor):
    set_status(version, "archived", instructor, reason="<script>")
    text = client.get("/models/audit/?action=version.moved").content.decode()
    assert "&lt;script&gt;" in text
    assert "walker@latest" not in text
    assert AuditEntry.objects.first().hash[:10] in client.get("/models/audit/").content.decode()
    assert "No entry fits" in client.get("/models/audit/?subject=nothing").content.decode()


def test_only_the_page_that_runs_models_may_compile_webassembly(client, version):
    page = client.get(version.get_absolute_url())
    assert "'wasm-unsafe-eval'" in page.headers["Content-Security-Policy"]
    other = client.get("/models/walker/")
    assert "wasm" not in other.headers["Content-Security-Policy"]
