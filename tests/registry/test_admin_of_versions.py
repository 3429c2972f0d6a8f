"""Versions in Django's admin: a file is registered, checked, named and put away by clicks."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from registry.accounts.models import User
from registry.aliases.services import move_alias, protect_alias
from registry.models import (
    Alias,
    AliasMove,
    AuditEntry,
    ModelVersion,
    RegisteredModel,
    RetentionRule,
)
from registry.versions.execution import run_check
from registry.versions.lifecycle import status_of
from tests.registry.checkpoints import checkpoint_bytes
from tests.registry.test_admin import act, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def press(site: Client, version: ModelVersion, action: str, **more: str):
    """A button on the page of a version."""
    return act(site, "modelversion", action, version, from_its_page="1", **more)


def said(page) -> str:
    """The messages of a page, in small letters and without the rest."""
    found = re.search(r'<ul class="messagelist">.*?</ul>', page.content.decode(), re.S)
    return found.group().lower() if found else ""


def checked(version: ModelVersion) -> ModelVersion:
    run_check(version.checks.get(ended_at=None).pk)
    return version


def upload(site: Client, content: bytes, **fields: str):
    file = SimpleUploadedFile("walker.safetensors", content)
    data = {"file": file, "model": "walker", "system": "town", "part": "", **fields}
    return site.post(url("modelversion", "add"), data, follow=True)


def test_a_file_is_registered_checked_named_and_archived_by_clicks(site, artifact_dir, admin):
    page = upload(site, checkpoint_bytes(), description="by clicks", tags="team: red")
    assert "walker 1.0.0 is registered" in said(page)
    version = ModelVersion.objects.get()
    assert (version.registered_by, version.card.tags) == (admin, {"team": "red"})
    assert page.redirect_chain[-1][0] == url("modelversion", "change", version.pk)
    assert "not done yet" in page.content.decode()

    checked(version)
    page = site.get(url("modelversion", "change", version.pk)).content.decode()
    buttons = re.findall(r'<button [^>]*name="action" value="(\w+)"', page)
    assert buttons == ["let_alias_name_it", "check_file", "stage", "archive"]
    between = press(site, version, "let_alias_name_it")
    assert 'value="production"' in between.content.decode()
    assert not Alias.objects.filter(name="production").exists()
    page = press(site, version, "let_alias_name_it", apply="1", alias="production")
    assert "walker@production names walker 1.0.0" in said(page)
    assert status_of(version) == "deployed"

    assert "walker 1.0.0 is named by production" in said(press(site, version, "archive"))
    alias = Alias.objects.get(name="production")
    site.post(url("alias", "delete", alias.pk), {"post": "yes"})
    page = press(site, version, "archive")
    assert "archived: 1" in said(page)
    assert page.redirect_chain[-1][0] == url("modelversion", "change", version.pk)
    assert status_of(version) == "archived"
    assert AuditEntry.objects.filter(action="version.moved", actor=admin.username).exists()


def test_a_bad_file_is_refused_beside_its_field_and_nothing_is_kept(site, artifact_dir):
    page = upload(site, b"\x80\x04.", tags="team: red")
    assert page.status_code == 422
    assert "The file is not registered" in page.content.decode()
    assert 'class="errorlist"' in page.content.decode()
    assert not ModelVersion.objects.exists()
    assert not RegisteredModel.objects.exists()


def test_versions_are_staged_and_taken_back_together_and_each_refusal_is_said(site, register):
    good, waiting = checked(register()), register(seed=1)
    page = act(site, "modelversion", "stage", good, waiting)
    assert "staged: 1" in said(page)
    assert "walker 1.0.1 is registered and cannot become staged" in said(page)
    assert (status_of(good), status_of(waiting)) == ("staged", "registered")
    assert "taken back: 1" in said(act(site, "modelversion", "take_back", good))
    assert status_of(good) == "validated"


def test_archived_version_is_taken_out_and_checked_anew(site, register):
    version, _ = register(), register(seed=1)
    press(site, version, "archive")
    assert "is archived" in said(press(site, version, "check_file"))
    page = press(site, version, "restore")
    assert "taken out: 1" in said(page)
    assert status_of(version) == "registered"
    assert version.checks.filter(ended_at=None).exists()


def test_check_is_asked_for_by_a_click(site, version, admin):
    checked(version)
    assert "to check: 1" in said(press(site, version, "check_file"))
    assert version.checks.get(ended_at=None).asked_by == admin


@pytest.mark.parametrize(
    ("alias", "words"),
    [
        ("production", "production names checked versions alone"),
        ("latest", "moves by itself"),
        ("a b", "expected 1 to 50 letters"),
        ("", "This field is required"),
    ],
)
def test_alias_that_cannot_be_is_refused_on_the_page_between(site, version, alias, words):
    page = press(site, version, "let_alias_name_it", apply="1", alias=alias)
    assert words in page.content.decode()
    assert list(Alias.objects.values_list("name", flat=True)) == ["latest"]


def test_one_alias_names_one_version(site, register):
    page = act(site, "modelversion", "let_alias_name_it", register(), register(seed=1))
    assert "choose one" in said(page)


def test_version_is_deleted_on_the_page_with_the_preview_alone(site, version):
    page = site.get(url("modelversion", "change", version.pk)).content.decode()
    assert reverse("registry:delete-version", args=["walker", "1.0.0"]) in page
    assert (
        'value="delete_selected"'
        not in site.get(url("modelversion", "changelist")).content.decode()
    )


def test_aliases_are_protected_and_freed_by_clicks(site, version, model):
    alias = move_alias(model, "best", version)
    assert "protected: 1" in said(act(site, "alias", "protect", alias))
    alias.refresh_from_db()
    assert alias.protected
    assert "freed: 1" in said(act(site, "alias", "free", alias))
    alias.refresh_from_db()
    assert not alias.protected


def test_protected_alias_neither_moves_nor_goes_and_says_why(site, register, model):
    first, second = register(), register(seed=1)
    alias = move_alias(model, "best", first)
    protect_alias(model, "best", True)
    page = site.post(url("alias", "change", alias.pk), {"version": second.pk})
    assert "is protected" in page.content.decode()
    page = site.post(url("alias", "delete", alias.pk), {"post": "yes"}, follow=True)
    assert "is protected" in said(page)
    page = act(site, "alias", "delete_selected", alias, post="yes")
    assert "is protected" in said(page)
    assert "uccessfully" not in page.content.decode()
    assert AliasMove.objects.filter(name="best").count() == 1


def test_model_is_described_and_handed_over_with_an_entry_each(site, model, admin, classroom):
    data = {"description": "walks", "tags": '{"team": "red"}', "owner": admin.pk, "classroom": ""}
    assert site.post(url("registeredmodel", "change", model.pk), data).status_code == 302
    model.refresh_from_db()
    assert (model.description, model.tags) == ("walks", {"team": "red"})
    assert (model.owner, model.classroom) == (admin, None)
    changes = [e.details["changed"] for e in AuditEntry.objects.filter(action="model.changed")]
    assert {"owner": "admin", "classroom": None} in changes
    assert {"tags": {"team": "red"}, "description": "walks"} in changes


@pytest.mark.parametrize("tags", ['{"a b": "c"}', '{"a": 1}', "[]", "{", '{"a": "\\u0000"}'])
def test_bad_tags_are_refused_beside_their_field(site, model, tags):
    data = {"description": "", "tags": tags, "owner": "", "classroom": ""}
    page = site.post(url("registeredmodel", "change", model.pk), data)
    assert page.status_code == 200
    assert "errorlist" in page.content.decode()
    model.refresh_from_db()
    assert model.tags == {}


def test_version_is_described_on_its_card(site, version):
    data = {"description": "the first", "tags": '{"team": "red"}'}
    assert site.post(url("versioncard", "change", version.pk), data).status_code == 302
    version.card.refresh_from_db()
    assert (version.card.description, version.card.tags) == ("the first", {"team": "red"})
    assert AuditEntry.objects.filter(action="version.changed").exists()
    site.post(url("versioncard", "change", version.pk), {"description": "", "tags": ""})
    version.card.refresh_from_db()
    assert (version.card.description, version.card.tags) == ("", {})


def test_retention_rule_leaves_an_entry_when_made_changed_and_deleted(site, model):
    data = {"model": model.pk, "keep_newest": 3, "archive_after_days": 7}
    site.post(url("retentionrule", "add"), {**data, "delete_after_days": ""})
    rule = RetentionRule.objects.get()
    site.post(url("retentionrule", "change", rule.pk), {**data, "delete_after_days": 9})
    rule.refresh_from_db()
    assert rule.delete_after_days == 9
    site.post(url("retentionrule", "delete", rule.pk), {"post": "yes"})
    assert not RetentionRule.objects.exists()
    assert AuditEntry.objects.filter(action="retention.changed", subject="walker").count() == 3
