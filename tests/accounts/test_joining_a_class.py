"""Joining with a code: what is made, what is refused, and that nothing is half made."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from registry.accounts.errors import PasswordError, UnknownJoinCodeError, UsernameError
from registry.accounts.models import Membership, Role, User
from registry.accounts.roles import role_of
from registry.accounts.services import create_classroom, join_class, renew_join_code
from registry.accounts.throttle import JOIN_ADDRESS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]
WORD = "a long and winding road"


@pytest.fixture
def harbour():
    return create_classroom("Harbour class")


def join(code: str, name: str = "ada", word: str = WORD, again: str | None = None, client=None):
    data = {"code": code, "username": name, "password": word, "password_again": again or word}
    return (client or Client()).post(reverse("join"), data)


def test_student_joins_and_is_signed_in(harbour):
    client = Client()
    response = join(harbour.join_code, client=client)
    assert response.status_code == 302
    ada = User.objects.get(username="ada")
    assert role_of(ada) is Role.STUDENT
    assert not ada.memberships.get(classroom=harbour).teaches
    assert client.get(reverse("account")).status_code == 200


@pytest.mark.parametrize("spell", [str.lower, lambda code: f" {code[:5]} - {code[5:]} "])
def test_case_spaces_and_dashes_of_the_code_do_not_matter(harbour, spell):
    user = join_class(spell(harbour.join_code), "ada", WORD)
    assert list(user.classrooms.all()) == [harbour]


@pytest.mark.parametrize("code", ["", "WRONG-CODE", "-----", "\u00c4\u00d6\u00dc"])
def test_wrong_code_makes_nobody(harbour, code):
    with pytest.raises(UnknownJoinCodeError):
        join_class(code, "ada", WORD)
    assert not User.objects.exists()


@pytest.mark.parametrize("name", ["", "a b", "x" * 151, "<script>", "a\x00b"])
def test_bad_name_makes_nobody(harbour, name):
    with pytest.raises(UsernameError):
        join_class(harbour.join_code, name, WORD)
    assert not User.objects.exists()
    assert not Membership.objects.exists()


def test_name_that_differs_in_case_alone_is_taken(harbour):
    join_class(harbour.join_code, "Ada", WORD)
    with pytest.raises(UsernameError, match="taken"):
        join_class(harbour.join_code, "aDA", WORD)


@pytest.mark.parametrize("word", ["short", "12345678901", "password123", "ada-lovelace"])
def test_weak_password_makes_nobody(harbour, word):
    with pytest.raises(PasswordError):
        join_class(harbour.join_code, "ada-lovelace", word)
    assert not User.objects.exists()


def test_page_says_beside_the_field_what_is_wrong(harbour):
    for response, words in (
        (join("WRONGCODES"), "No class has this code"),
        (join(harbour.join_code, word="short"), "too short"),
        (join(harbour.join_code, again="another"), "two passwords differ"),
    ):
        assert response.status_code == 422
        assert words in response.content.decode()


def test_guessing_codes_is_slowed_and_a_whole_class_may_join(harbour):
    for number in range(JOIN_ADDRESS.attempts + 5):
        assert join(harbour.join_code, name=f"pupil{number}").status_code == 302
    for _ in range(JOIN_ADDRESS.attempts):
        assert join("WRONGCODES").status_code == 422
    response = join("WRONGCODES")
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0


def test_somebody_signed_in_joins_one_more_class(student, harbour):
    client = Client()
    client.force_login(student)
    response = client.post(reverse("join"), {"code": harbour.join_code})
    assert response.status_code == 302
    assert student.classrooms.count() == 2
    again = client.post(reverse("join"), {"code": harbour.join_code})
    assert again.status_code == 422
    assert "already" in again.content.decode()


def test_renewed_code_replaces_the_old_one_and_members_stay(harbour):
    old = harbour.join_code
    ada = join_class(old, "ada", WORD)
    renew_join_code(harbour)
    with pytest.raises(UnknownJoinCodeError):
        join_class(old, "grace", WORD)
    assert list(ada.classrooms.all()) == [harbour]


def test_link_may_carry_the_code(harbour):
    page = Client().get(reverse("join"), {"code": harbour.spelled_code}).content.decode()
    assert f'value="{harbour.spelled_code}"' in page
