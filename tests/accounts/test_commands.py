"""create_user, create_class, create_token: what they print and what they refuse."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from registry.accounts.models import ApiToken, Classroom, Role, User
from registry.accounts.roles import role_of
from registry.accounts.services import find_token, join_class

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def test_create_user_prints_a_password_that_works():
    password = run("create_user", "grace", "--role", "instructor")
    user = authenticate(username="grace", password=password)
    assert role_of(user) is Role.INSTRUCTOR


def test_create_user_reads_a_password_and_prints_nothing(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("a long and winding road\n"))
    assert run("create_user", "ada", "--password-stdin") == ""
    assert authenticate(username="ada", password="a long and winding road") is not None


def test_create_user_puts_instructors_in_front_of_the_class():
    run("create_class", "Harbour class")
    run("create_user", "grace", "--role", "instructor", "--class", "Harbour class")
    run("create_user", "ada", "--class", "Harbour class")
    teaching = dict(Classroom.objects.get().memberships.values_list("user__username", "teaches"))
    assert teaching == {"grace": True, "ada": False}


@pytest.mark.parametrize(
    "arguments",
    [
        ("create_user", "a b"),
        ("create_user", "ada", "--class", "No such class"),
        ("create_class", " "),
        ("create_class", "Harbour class", "--teacher", "nobody"),
        ("create_token", "nobody", "n"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_made(arguments):
    with pytest.raises(CommandError):
        run(*arguments)
    assert not User.objects.exists()
    assert not Classroom.objects.exists()


def test_weak_password_is_refused(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    with pytest.raises(CommandError, match="too short"):
        run("create_user", "ada", "--password-stdin")
    assert not User.objects.exists()


def test_create_class_prints_the_code_that_lets_students_in(instructor):
    code = run("create_class", "Harbour class", "--teacher", "instructor")
    ada = join_class(code, "ada", "a long and winding road")
    harbour = Classroom.objects.get(name="Harbour class")
    assert list(ada.classrooms.all()) == [harbour]
    assert harbour.memberships.get(user=instructor).teaches


def test_create_class_refuses_a_name_twice():
    run("create_class", "Harbour class")
    with pytest.raises(CommandError, match="already"):
        run("create_class", "Harbour class")


def test_create_token_prints_the_secret(student):
    secret = run("create_token", "student", "notebook", "--scope", "predict", "--days", "7")
    token = find_token(secret)
    assert token.user == student
    assert token.scopes == ["predict"]
    assert 6 <= (token.expires_at - token.created_at).days <= 7


def test_create_token_refuses_senseless_days(student):
    with pytest.raises(CommandError, match="1 to 3650"):
        run("create_token", "student", "n", "--days", "0")
    assert not ApiToken.objects.exists()
