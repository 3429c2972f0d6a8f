"""Roles: what each may do, and that the last admin stays."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.test import Client

from registry.accounts.errors import LastAdminError
from registry.accounts.models import Role, User
from registry.accounts.queries import taught_classrooms
from registry.accounts.roles import PERMISSIONS, is_admin, is_instructor, role_of, teaches
from registry.accounts.services import delete_user, set_active, set_role

pytestmark = pytest.mark.django_db


def permissions_of(user: User) -> set[str]:
    return User.objects.get(pk=user.pk).get_all_permissions()


def test_groups_have_exactly_the_permissions_of_the_table():
    for role, labels in PERMISSIONS.items():
        found = Group.objects.get(name=role).permissions.values_list(
            "content_type__app_label", "codename"
        )
        assert {f"{app}.{name}" for app, name in found} == set(labels)


def test_student_looks_and_predicts_and_adds_games_alone(student):
    found = permissions_of(student)
    assert {"registry.predict_modelversion", "registry.download_modelversion"} <= found
    changing = {
        name for name in found if name.split(".")[1].startswith(("add_", "change_", "delete_"))
    }
    assert changing == {"training.add_game"}


def test_each_role_may_do_what_the_one_below_may():
    student, instructor, admin = (set(PERMISSIONS[role]) for role in Role.values)
    assert student < instructor < admin


def test_instructor_starts_runs_but_manages_no_accounts(instructor):
    found = permissions_of(instructor)
    assert "training.add_run" in found
    assert "registry.change_alias" in found
    assert "registry.change_user" not in found


def test_role_is_that_of_the_group(student, instructor, admin):
    assert role_of(student) is Role.STUDENT
    assert role_of(instructor) is Role.INSTRUCTOR
    assert role_of(admin) is Role.ADMIN
    assert role_of(AnonymousUser()) is None


def test_closed_account_has_no_role(instructor):
    instructor.is_active = False
    assert role_of(instructor) is None


def test_instructor_is_not_admin_and_admin_counts_as_instructor(instructor, admin):
    assert is_instructor(instructor)
    assert not is_admin(instructor)
    assert is_instructor(admin)


def test_changing_a_role_changes_permissions_at_once(student):
    assert not student.has_perm("training.add_run")
    set_role(student, Role.INSTRUCTOR)
    assert student.has_perm("training.add_run")
    assert role_of(student) is Role.INSTRUCTOR
    set_role(student, Role.STUDENT)
    assert not User.objects.get(pk=student.pk).has_perm("training.add_run")


def test_admin_role_opens_the_admin_site_and_losing_it_closes_it(student, admin):
    def status() -> int:
        client = Client()
        client.force_login(User.objects.get(pk=student.pk))
        return client.get("/admin/").status_code

    assert status() == 302
    set_role(student, Role.ADMIN)
    assert status() == 200
    set_role(student, Role.STUDENT)
    assert status() == 302


def test_last_admin_keeps_role_and_account(admin):
    with pytest.raises(LastAdminError, match="only admin"):
        set_role(admin, Role.STUDENT)
    with pytest.raises(LastAdminError):
        set_active(admin, False)
    with pytest.raises(LastAdminError):
        delete_user(admin)
    assert role_of(User.objects.get(pk=admin.pk)) is Role.ADMIN


def test_with_a_second_admin_the_first_may_go(admin, instructor):
    set_role(instructor, Role.ADMIN)
    delete_user(admin)
    assert not User.objects.filter(username="admin").exists()


def test_instructor_teaches_own_class_alone(instructor, outsider, classroom):
    other = outsider.classrooms.get()
    assert teaches(instructor, classroom.pk)
    assert not teaches(instructor, other.pk)
    assert list(taught_classrooms(instructor)) == [classroom]


def test_student_teaches_no_class(student, outsider, classroom):
    assert not taught_classrooms(student).exists()
    assert not teaches(student, classroom.pk)
