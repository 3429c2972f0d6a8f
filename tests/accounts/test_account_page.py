"""The account page: classes, tokens shown once, password."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from registry.accounts.models import ApiToken, Role
from registry.accounts.services import issue_token, set_role

pytestmark = pytest.mark.django_db


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_token_is_shown_once_and_works(student):
    client = signed_in(student)
    page = client.post(reverse("create-token"), {"name": "notebook", "scopes": ["read"]})
    assert page.status_code == 201
    secret = re.search(r'id="new-token-secret">(hw_[\w-]+)<', page.content.decode()).group(1)
    assert secret not in client.get(reverse("account")).content.decode()
    answer = Client().get("/api/v1/models", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200


def test_page_with_a_secret_is_kept_in_no_cache(student):
    page = signed_in(student).post(reverse("create-token"), {"name": "n", "scopes": ["read"]})
    assert "no-store" in page["Cache-Control"]


def test_token_lasts_to_the_end_of_the_chosen_day(student):
    day = timezone.now().date() + timedelta(days=3)
    signed_in(student).post(
        reverse("create-token"), {"name": "n", "scopes": ["read"], "expires_at": day.isoformat()}
    )
    expires = ApiToken.objects.get().expires_at
    assert expires.date() == day
    assert (expires.hour, expires.minute) == (23, 59)


@pytest.mark.parametrize(
    "data",
    [
        {"name": "n"},
        {"name": "", "scopes": ["read"]},
        {"name": "n", "scopes": ["everything"]},
        {"name": "n", "scopes": ["read"], "expires_at": "2001-01-01"},
        {"name": "n", "scopes": ["read"], "expires_at": "soon"},
    ],
)
def test_token_that_makes_no_sense_is_refused_in_place(student, data):
    page = signed_in(student).post(reverse("create-token"), data)
    assert page.status_code == 422
    assert 'class="field-error"' in page.content.decode()
    assert not ApiToken.objects.exists()


def test_revoking_ends_ones_own_token(student):
    token, _ = issue_token(student, "notebook", ["read"])
    signed_in(student).post(reverse("revoke-token", args=[token.pk]))
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_nobody_revokes_or_sees_the_token_of_somebody_else(student, outsider):
    token, _ = issue_token(student, "secret-name", ["read"])
    client = signed_in(outsider)
    assert client.post(reverse("revoke-token", args=[token.pk])).status_code == 404
    assert "secret-name" not in client.get(reverse("account")).content.decode()
    token.refresh_from_db()
    assert token.revoked_at is None


def test_teacher_sees_the_class_code_and_students_do_not(student, instructor, classroom):
    code = classroom.spelled_code
    assert code in signed_in(instructor).get(reverse("account")).content.decode()
    assert code not in signed_in(student).get(reverse("account")).content.decode()


def test_changed_password_replaces_the_old_one_and_keeps_the_session(student):
    client = signed_in(student)
    word = "a long and winding road"
    data = {
        "old_password": student.plain_password,
        "new_password1": word,
        "new_password2": word,
    }
    assert client.post(reverse("password-change"), data).status_code == 302
    assert client.get(reverse("account")).status_code == 200
    student.refresh_from_db()
    assert student.check_password(word)
    assert not student.check_password(student.plain_password)


def test_password_is_not_changed_without_the_old_one(student):
    data = {"old_password": "wrong", "new_password1": "a long road", "new_password2": "a long road"}
    response = signed_in(student).post(reverse("password-change"), data)
    assert response.status_code == 422
    student.refresh_from_db()
    assert student.check_password(student.plain_password)


def test_names_are_shown_as_text_and_never_as_markup(student):
    issue_token(student, "<script>alert(1)</script>", ["read"])
    page = signed_in(student).get(reverse("account")).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_join_code_is_shown_only_while_one_teaches(instructor, classroom):
    client = signed_in(instructor)
    assert classroom.spelled_code in client.get(reverse("account")).content.decode()
    set_role(instructor, Role.STUDENT)
    page = client.get(reverse("account")).content.decode()
    assert classroom.name in page
    assert classroom.spelled_code not in page
