"""Django's admin: everything is there, the immutable stays so, and services do the work."""

from __future__ import annotations

import re
import uuid

import pytest
from django.contrib import admin as django_admin
from django.contrib.admin.models import DELETION, LogEntry
from django.test import Client
from django.urls import reverse

from registry.accounts.models import ApiToken, Classroom, Role, User
from registry.accounts.roles import role_of
from registry.accounts.services import find_token, issue_token, set_role
from registry.aliases.services import move_alias
from registry.models import Alias, AliasMove, BrainSpec, ModelVersion, RegisteredModel
from registry.services import save_brain_spec
from tests.registry.checkpoints import DENSE, WIDER, store_checkpoint

pytestmark = pytest.mark.django_db
LABELS = [
    model._meta.model_name
    for model in django_admin.site._registry
    if model._meta.app_label == "registry"
]


@pytest.fixture
def site(admin) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def url(model: str, page: str, *arguments: object) -> str:
    return reverse(f"admin:registry_{model}_{page}", args=arguments)


def act(site: Client, model: str, action: str, *objects: object, **more: str):
    data = {"action": action, "_selected_action": [item.pk for item in objects], **more}
    return site.post(url(model, "changelist"), data, follow=True)


@pytest.mark.parametrize("name", sorted(LABELS))
def test_every_list_opens_and_searches(site, name, version):
    assert site.get(url(name, "changelist")).status_code == 200
    assert site.get(url(name, "changelist"), {"q": "x"}).status_code == 200


@pytest.mark.parametrize(
    "name", ["modelversion", "aliasmove", "artifact", "checkpoint", "auditentry", "versioncheck"]
)
def test_what_never_changes_is_shown_and_cannot_be_edited_or_deleted(site, name, version):
    store_checkpoint(uuid.uuid4(), "training", 1, b"weights", {})
    model_class = next(m for m in django_admin.site._registry if m._meta.model_name == name)
    row = model_class.objects.first()
    page = site.get(url(name, "change", row.pk))
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()
    assert site.post(url(name, "change", row.pk), {"metrics": "{}"}).status_code == 403
    if name != "modelversion":  # which a file adds
        assert site.get(url(name, "add")).status_code == 403
    assert site.post(url(name, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model_class.objects.filter(pk=row.pk).exists()


def test_brain_is_judged_in_the_form_and_saved_with_its_hash(site, admin):
    bad = site.post(url("brainspec", "add"), {"name": "a b", "yaml_text": "architecture: {}"})
    assert bad.status_code == 200
    assert "architecture.type" in bad.content.decode()
    assert not BrainSpec.objects.exists()
    good = site.post(url("brainspec", "add"), {"name": "small", "yaml_text": DENSE})
    assert good.status_code == 302
    brain = BrainSpec.objects.get()
    assert brain.owner == admin
    page = site.get(url("brainspec", "change", brain.pk)).content.decode()
    assert brain.spec_hash in page
    site.post(url("brainspec", "change", brain.pk), {"yaml_text": WIDER})
    brain.refresh_from_db()
    assert brain.yaml_text == WIDER


def test_alias_moves_through_the_service_and_leaves_its_row(site, register, model, admin):
    first, second = register(), register(seed=1)
    data = {"model": model.pk, "name": "best", "version": first.pk}
    assert site.post(url("alias", "add"), data).status_code == 302
    alias = Alias.objects.get(name="best")
    site.post(url("alias", "change", alias.pk), {"version": second.pk})
    alias.refresh_from_db()
    assert alias.version == second
    site.post(url("alias", "delete", alias.pk), {"post": "yes"})
    moves = AliasMove.objects.filter(name="best").order_by("pk")
    assert [(m.old_version, m.new_version, m.moved_by) for m in moves] == [
        (None, first, admin),
        (first, second, admin),
        (second, None, admin),
    ]


def test_aliases_deleted_together_leave_a_row_each(site, version, model):
    aliases = [move_alias(model, name, version) for name in ("one", "two")]
    act(site, "alias", "delete_selected", *aliases, post="yes")
    assert list(Alias.objects.values_list("name", flat=True)) == ["latest"]
    assert AliasMove.objects.filter(new_version=None).count() == 2


def test_latest_is_neither_moved_nor_deleted_nor_made_by_hand(site, register, model):
    first, second = register(), register(seed=1)
    latest = Alias.objects.get(name="latest")
    assert site.post(url("alias", "change", latest.pk), {"version": first.pk}).status_code == 403
    assert site.post(url("alias", "delete", latest.pk), {"post": "yes"}).status_code == 403
    act(site, "alias", "delete_selected", latest, post="yes")
    data = {"model": model.pk, "name": "latest", "version": first.pk}
    assert "moves by itself" in site.post(url("alias", "add"), data).content.decode()
    assert Alias.objects.get(name="latest").version == second


def test_model_with_versions_is_not_deleted(site, version, model):
    site.post(url("registeredmodel", "delete", model.pk), {"post": "yes"})
    assert RegisteredModel.objects.filter(pk=model.pk).exists()
    assert ModelVersion.objects.exists()


def test_model_is_added_under_a_good_name_alone(site):
    data = {"name": "brains", "system": "town", "description": ""}
    assert "kept for a page" in site.post(url("registeredmodel", "add"), data).content.decode()
    site.post(url("registeredmodel", "add"), {**data, "name": "runner"})
    assert RegisteredModel.objects.get().name == "runner"


def test_token_is_issued_shown_once_and_revoked_by_action(site, student):
    data = {"user": student.pk, "name": "notebook", "scopes": ["read", "predict"]}
    page = site.post(url("apitoken", "add"), {**data, "expires_at_0": "", "expires_at_1": ""})
    secret = re.search(r'id="new-token-secret">(hw_[\w-]+)<', page.content.decode()).group(1)
    token = find_token(secret)
    assert token.user == student
    assert token.scopes == ["read", "predict"]
    assert secret not in site.get(url("apitoken", "change", token.pk)).content.decode()
    act(site, "apitoken", "revoke", token)
    assert find_token(secret) is None


def test_token_is_neither_edited_nor_deleted(site, student):
    token, _ = issue_token(student, "notebook", ["read"])
    response = site.post(url("apitoken", "change", token.pk), {"scopes": ["manage"]})
    assert response.status_code == 403
    assert site.post(url("apitoken", "delete", token.pk), {"post": "yes"}).status_code == 403
    assert ApiToken.objects.get().scopes == ["read"]


def test_class_gets_a_code_and_a_new_one_on_request(site):
    empty = {
        "memberships-TOTAL_FORMS": 0,
        "memberships-INITIAL_FORMS": 0,
    }
    assert site.post(url("classroom", "add"), {"name": "Harbour", **empty}).status_code == 302
    classroom = Classroom.objects.get(name="Harbour")
    old = classroom.join_code
    assert len(old) == 10
    act(site, "classroom", "renew_join_codes", classroom)
    classroom.refresh_from_db()
    assert classroom.join_code != old


def account_data(user: User, **changes: object) -> dict:
    return {
        "username": user.username,
        "role": role_of(user).value,
        "is_active": "on",
        "memberships-TOTAL_FORMS": 0,
        "memberships-INITIAL_FORMS": 0,
        **changes,
    }


def test_role_is_one_choice_and_groups_follow(site, student):
    page = site.get(url("user", "change", student.pk)).content.decode()
    assert '<option value="student" selected>' in page
    for name in ("is_superuser", "user_permissions", 'name="groups"'):
        assert name not in page
    response = site.post(
        url("user", "change", student.pk), account_data(student, role="instructor")
    )
    assert response.status_code == 302
    assert role_of(User.objects.get(pk=student.pk)) is Role.INSTRUCTOR


def test_new_account_has_its_role(site):
    word = "a long and winding road"
    data = {
        "username": "grace",
        "role": "instructor",
        "usable_password": "true",
        "password1": word,
        "password2": word,
        "memberships-TOTAL_FORMS": 0,
        "memberships-INITIAL_FORMS": 0,
    }
    assert site.post(url("user", "add"), data).status_code == 302
    assert role_of(User.objects.get(username="grace")) is Role.INSTRUCTOR


def test_last_admin_is_kept_by_form_action_and_deletion(site, admin):
    kept = site.post(url("user", "change", admin.pk), account_data(admin, role="student"))
    assert "only admin" in kept.content.decode()
    for action in ("make_students", "close_accounts"):
        assert "only admin" in act(site, "user", action, admin).content.decode()
    act(site, "user", "delete_selected", admin, post="yes")
    refused = site.post(url("user", "delete", admin.pk), {"post": "yes"})
    assert "only admin" in refused.content.decode()
    assert role_of(User.objects.get(pk=admin.pk)) is Role.ADMIN


def test_refused_deletion_of_the_last_admins_is_not_told_as_done(site, admin, student):
    other = User.objects.create_user("second", password="x")
    set_role(other, Role.ADMIN)
    answers = [
        act(site, "user", "delete_selected", admin, other, student, post="yes"),
    ]
    set_role(other, Role.STUDENT)
    answers.append(site.post(url("user", "delete", admin.pk), {"post": "yes"}, follow=True))
    for answer in answers:
        assert "only admin" in answer.content.decode()
        assert "uccessfully" not in answer.content.decode()
    assert not LogEntry.objects.filter(action_flag=DELETION).exists()
    assert User.objects.filter(pk__in=[admin.pk, other.pk, student.pk]).count() == 3
    assert site.post(url("user", "delete", other.pk), {"post": "yes"}).status_code == 302
    assert LogEntry.objects.filter(action_flag=DELETION).count() == 1


def test_actions_change_roles_and_close_and_open_accounts(site, student, outsider):
    act(site, "user", "make_instructors", student, outsider)
    assert role_of(User.objects.get(pk=student.pk)) is Role.INSTRUCTOR
    act(site, "user", "close_accounts", student)
    assert not User.objects.get(pk=student.pk).is_active
    act(site, "user", "open_accounts", student)
    assert User.objects.get(pk=student.pk).is_active


def test_account_that_registered_and_moved_can_be_deleted(site, register, instructor, model):
    version = register(user=instructor)
    move_alias(model, "best", version, instructor)
    save_brain_spec("small", DENSE, instructor)
    response = site.post(url("user", "delete", instructor.pk), {"post": "yes"})
    assert response.status_code == 302
    assert not User.objects.filter(pk=instructor.pk).exists()
    version.refresh_from_db()
    assert version.registered_by is None


@pytest.mark.parametrize("who", ["student", "instructor"])
def test_others_are_sent_to_sign_in(request, who, version):
    client = Client()
    client.force_login(request.getfixturevalue(who))
    response = client.get(url("modelversion", "changelist"))
    assert response.status_code == 302
    assert "login" in response["Location"]
