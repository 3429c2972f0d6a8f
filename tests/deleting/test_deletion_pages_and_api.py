"""Deleting over the API and on pages: a preview first, then exactly what it showed."""

from __future__ import annotations

import pytest
from django.test import Client

from registry.accounts.services import issue_token
from registry.models import ModelVersion, RegisteredModel, RetentionRule, Scope

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]
VERSION = "/api/v1/models/walker/versions/1.0.0/deletion"
MODEL = "/api/v1/models/walker/deletion"
JSON = "application/json"


@pytest.fixture
def caller(instructor) -> Client:
    _, secret = issue_token(instructor, "t", [Scope.READ, Scope.MANAGE])
    return Client(headers={"authorization": f"Bearer {secret}"})


def test_api_deletes_with_the_token_of_the_preview_alone(versions, caller):
    shown = caller.get(VERSION).json()
    assert shown["name"] == "walker/1.0.0"
    assert {part["kind"] for part in shown["goes"]} == {"version", "version card", "check"}
    assert caller.delete(VERSION).status_code == 422
    assert caller.delete(f"{VERSION}?token=wrong").status_code == 409
    gone = caller.delete(f"{VERSION}?token={shown['token']}")
    assert gone.status_code == 200
    assert gone.json()["files"] == shown["files"]
    assert caller.get(VERSION).status_code == 404
    assert ModelVersion.objects.count() == 2


def test_api_says_what_stands_in_the_way(versions, caller, model, instructor):
    from registry.aliases.services import move_alias

    move_alias(model, "best", versions[0], instructor)
    shown = caller.get(VERSION).json()
    assert "named by best" in shown["blockers"][0]
    refused = caller.delete(f"{VERSION}?token={shown['token']}")
    assert refused.status_code == 409
    assert "Move or remove" in refused.json()["detail"]


def test_api_deletes_a_model(versions, caller):
    token = caller.get(MODEL).json()["token"]
    assert caller.delete(f"{MODEL}?token={token}").status_code == 200
    assert not RegisteredModel.objects.exists()


def test_page_deletes_once_the_name_was_typed(versions, client, instructor):
    client.force_login(instructor)
    address = "/models/walker/versions/1.0.0/delete/"
    page = client.get(address)
    token = page.context["preview"].token
    assert "Type walker/1.0.0 to delete it" in page.content.decode()
    wrong = client.post(address, {"name": "walker/1.0.1", "token": token})
    assert wrong.status_code == 409
    assert ModelVersion.objects.count() == 3
    stale = client.post(address, {"name": "walker/1.0.0", "token": "x"})
    assert (stale.status_code, "not what was shown" in stale.content.decode()) == (409, True)
    right = client.post(address, {"name": "walker/1.0.0", "token": token})
    assert (right.status_code, right.url) == (302, "/models/walker/")
    assert ModelVersion.objects.count() == 2


def test_page_of_a_model_in_use_offers_no_button(versions, client, instructor, model):
    from registry.aliases.services import move_alias, protect_alias

    move_alias(model, "best", versions[0], instructor)
    protect_alias(model, "best", True, instructor)
    client.force_login(instructor)
    page = client.get("/models/walker/delete/").content.decode()
    assert "It cannot be deleted now" in page
    assert "Delete for good" not in page


# -- retention ----------------------------------------------------------------------------------


def test_admins_set_rules_and_everybody_who_teaches_sees_what_follows(
    versions, caller, admin, client, instructor
):
    address = "/api/v1/models/walker/retention"
    refused = caller.put(address, {"keep_newest": 1}, content_type=JSON)
    assert refused.status_code == 403
    client.force_login(admin)
    rule = {"keep_newest": 2, "archive_after_days": 0}
    made = client.put(address, rule, content_type=JSON)
    assert made.json() == {
        "model": "walker",
        "keep_newest": 2,
        "archive_after_days": 0,
        "delete_after_days": None,
    }
    shown = caller.get(address).json()
    assert [(item["version"], item["action"]) for item in shown["planned"]] == [
        ("1.0.0", "archive")
    ]
    assert caller.get("/api/v1/retention").json()["planned"] == shown["planned"]
    client.force_login(instructor)
    assert "walker 1.0.0" in client.get("/models/retention/").content.decode()
    client.force_login(admin)
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 404
    assert not RetentionRule.objects.exists()


def test_rule_for_all_models_is_one(versions, admin, client):
    client.force_login(admin)
    for newest in (3, 4):
        response = client.put("/api/v1/retention", {"keep_newest": newest}, content_type=JSON)
        assert response.status_code == 200
    assert RetentionRule.objects.get().keep_newest == 4
    bad = client.put("/api/v1/retention", {"keep_newest": -1, "x": 1}, content_type=JSON)
    assert bad.status_code == 422
    assert {error["pointer"] for error in bad.json()["errors"]} == {"/keep_newest", "/x"}
    assert client.put("/api/v1/retention", [], content_type=JSON).status_code == 422


def test_rules_of_models_out_of_sight_are_not_shown(versions, model, admin, client):
    from registry.accounts.models import Role
    from registry.retention.services import set_rule
    from tests.running.people import make_person

    set_rule(model, {"archive_after_days": 0, "keep_newest": 0})
    client.force_login(make_person("other", Role.INSTRUCTOR))
    shown = client.get("/api/v1/retention").json()
    assert (shown["rules"], shown["planned"]) == ([], [])
