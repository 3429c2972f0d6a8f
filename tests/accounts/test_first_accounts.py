"""The first start: three accounts and a class, once, with passwords nobody could guess."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import authenticate
from django.db import connection

from registry.accounts.models import Classroom, Role, User
from registry.accounts.roles import role_of
from registry.accounts.services import create_first_accounts, join_class

pytestmark = pytest.mark.django_db


def test_makes_one_account_of_each_role_whose_password_works():
    made = create_first_accounts()
    assert set(made.passwords) == {"admin", "instructor", "student"}
    for name, password in made.passwords.items():
        user = authenticate(username=name, password=password)
        assert role_of(user) is Role(name)
    assert made.admin.is_superuser
    assert len(set(made.passwords.values())) == 3


def test_instructor_teaches_the_first_class_and_its_code_lets_students_in():
    made = create_first_accounts()
    classroom = Classroom.objects.get(name=made.classroom)
    assert classroom.memberships.get(user__username="instructor").teaches
    assert not classroom.memberships.get(user__username="student").teaches
    ada = join_class(made.join_code, "ada", "a long and winding road")
    assert list(ada.classrooms.all()) == [classroom]


def test_makes_nothing_when_anybody_exists(student):
    assert create_first_accounts() is None
    assert list(User.objects.all()) == [student]


def test_lines_to_print_name_every_account_and_the_code():
    made = create_first_accounts()
    text = "\n".join(made.lines())
    assert all(name in text and word in text for name, word in made.passwords.items())
    assert made.join_code in text


def test_two_first_starts_differ_in_every_password():
    first = create_first_accounts()
    User.objects.all().delete()
    Classroom.objects.all().delete()
    second = create_first_accounts()
    assert not set(first.passwords.values()) & set(second.passwords.values())


@pytest.mark.django_db(transaction=True)
def test_two_starts_at_once_make_one_set():
    def start(_: int) -> object:
        try:
            return create_first_accounts()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(start, range(2)))
    assert sum(made is not None for made in results) == 1
    assert User.objects.count() == 3
    assert Classroom.objects.count() == 1
