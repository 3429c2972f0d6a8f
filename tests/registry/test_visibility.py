"""Who sees and changes which models and brains."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from registry.accounts.models import Role
from registry.accounts.services import add_member, create_classroom, create_user, set_role
from registry.errors import NameTakenError, VersionNotFoundError
from registry.queries import (
    find_version,
    may_change_brain,
    may_change_model,
    visible_brains,
    visible_models,
)
from registry.services import ensure_model, save_brain_spec
from tests.registry.checkpoints import DENSE

pytestmark = pytest.mark.django_db
WORD = "a long and winding road"


@pytest.fixture
def colleague(db):
    """An instructor who teaches another class, and is a guest in none."""
    user = create_user("colleague", WORD, Role.INSTRUCTOR)
    add_member(create_classroom("Colleague's class"), user, teaches=True)
    return user


def test_class_sees_its_models_and_nobody_else_does(
    version, model, student, instructor, outsider, colleague, admin
):
    for user in (student, instructor, admin):
        assert list(visible_models(user)) == [model]
    for user in (outsider, colleague, AnonymousUser()):
        assert not visible_models(user).exists()


def test_stranger_is_told_no_more_than_about_a_name_that_does_not_exist(version, outsider):
    messages = []
    for name in ("walker", "nothing"):
        with pytest.raises(VersionNotFoundError) as caught:
            find_version(outsider, name, "1.0.0")
        messages.append(str(caught.value).replace(name, "NAME"))
    assert messages[0] == messages[1]


def test_only_owner_teacher_and_admin_change_a_model(
    model, student, instructor, outsider, colleague, admin, classroom
):
    may = [may_change_model(user, model) for user in (instructor, admin)]
    may_not = [may_change_model(user, model) for user in (student, outsider, colleague)]
    assert may == [True, True]
    assert may_not == [False, False, False]
    add_member(classroom, colleague)
    assert list(visible_models(colleague)) == [model], "a guest looks"
    assert not may_change_model(colleague, model), "and does not touch"
    add_member(classroom, colleague, teaches=True)
    assert may_change_model(colleague, model)


def test_role_decides_before_ownership_and_class(model, instructor, classroom, admin):
    set_role(instructor, Role.STUDENT)
    assert model.owner == instructor
    assert instructor.memberships.get(classroom=classroom).teaches
    assert not may_change_model(instructor, model)


def test_model_without_a_class_is_its_owners_alone(instructor, student, admin, artifact_dir):
    private = ensure_model("private", "town", instructor, None)
    assert list(visible_models(instructor)) == [private]
    assert not visible_models(student).exists()
    assert private in visible_models(admin)


def test_model_whose_owner_left_stays_with_the_class(model, student, instructor, admin):
    instructor.delete()
    assert list(visible_models(student)) == [model]


def test_brains_are_seen_by_those_who_share_a_class_with_their_owner(
    student, instructor, outsider, colleague, admin
):
    brain = save_brain_spec("small", DENSE, instructor)
    for user in (instructor, student, admin):
        assert list(visible_brains(user)) == [brain]
    for user in (outsider, colleague, AnonymousUser()):
        assert not visible_brains(user).exists()


def test_only_owner_and_admin_change_a_brain(student, instructor, colleague, admin):
    brain = save_brain_spec("small", DENSE, instructor)
    assert may_change_brain(instructor, brain)
    assert may_change_brain(admin, brain)
    assert not may_change_brain(student, brain)
    assert not may_change_brain(colleague, brain)
    with pytest.raises(NameTakenError):
        save_brain_spec("small", DENSE, colleague)


def test_list_of_models_costs_the_same_number_of_queries_however_long(
    register, instructor, classroom, django_assert_max_num_queries
):
    from django.test import Client

    for number in range(5):
        register(model=ensure_model(f"model-{number}", "town", instructor, classroom))
    client = Client()
    client.force_login(instructor)
    with django_assert_max_num_queries(8):
        assert len(client.get("/api/v1/models").json()["items"]) == 6
