"""API tokens: what opens the API, what does not, and what the answer says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from registry.accounts.errors import TokenError
from registry.accounts.models import ApiToken, Scope
from registry.accounts.services import MAX_TOKENS_PER_USER, issue_token, revoke_token

pytestmark = pytest.mark.django_db
MODELS = "/api/v1/models"


def get(secret: str, path: str = MODELS):
    return Client().get(path, headers={"Authorization": f"Bearer {secret}"})


def test_token_opens_what_its_scope_says(student):
    _, secret = issue_token(student, "notebook", [Scope.READ])
    assert get(secret).status_code == 200


def test_secret_is_kept_nowhere(student):
    token, secret = issue_token(student, "notebook", [Scope.READ])
    assert secret.startswith("hw_")
    assert len(secret) >= 40
    row = ApiToken.objects.filter(pk=token.pk).values().get()
    assert secret not in str(row)
    assert row["prefix"] == secret[:9]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer hw_wrong",
        "Bearer",
        "Bearer a b",
        "Bearer \u00e9\u00e8",
        "bearer hw_",
        "Bearer " + "x" * 4000,
    ],
)
def test_wrong_token_is_401_and_says_how_to_authenticate(header):
    response = Client().get(MODELS, headers={"Authorization": header})
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["type"] == "urn:hamlet:problem:not-authenticated"


def test_no_token_is_401():
    response = Client().get(MODELS)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="HamletWeb"'


def test_revoked_token_opens_nothing(student):
    token, secret = issue_token(student, "notebook", [Scope.READ])
    revoke_token(token)
    response = get(secret)
    assert response.status_code == 401
    assert "revoked" in response.json()["detail"]


def test_revoking_twice_keeps_the_first_time(student):
    token, _ = issue_token(student, "notebook", [Scope.READ])
    revoke_token(token)
    first = token.revoked_at
    revoke_token(token)
    assert token.revoked_at == first


def test_token_ends_at_its_expiry(student):
    token, secret = issue_token(
        student, "notebook", [Scope.READ], timezone.now() + timedelta(hours=1)
    )
    assert get(secret).status_code == 200
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now())
    assert get(secret).status_code == 401


def test_token_of_a_closed_account_opens_nothing(student):
    _, secret = issue_token(student, "notebook", [Scope.READ])
    student.is_active = False
    student.save()
    assert get(secret).status_code == 401


def test_missing_scope_is_403_and_named(instructor):
    _, secret = issue_token(instructor, "reader", [Scope.READ])
    response = Client().post(
        "/api/v1/predict",
        {"model": "walker"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert response.status_code == 403
    assert "predict" in response.json()["detail"]
    assert "'reader'" in response.json()["detail"]


def test_token_never_exceeds_its_owners_role(student):
    _, secret = issue_token(student, "greedy", Scope.values)
    response = Client().post(
        "/api/v1/brains",
        {"name": "mine", "yaml": "architecture: {type: dueling}"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert response.status_code == 403
    assert "student" in response.json()["detail"]


def test_session_has_all_scopes_of_the_role(instructor):
    client = Client()
    client.force_login(instructor)
    response = client.post(
        "/api/v1/brains",
        {"name": "mine", "yaml": "architecture: {type: dueling}"},
        content_type="application/json",
    )
    assert response.status_code == 201


def test_session_needs_the_csrf_token_and_a_token_does_not(instructor):
    body = {"name": "mine", "yaml": "architecture: {type: dueling}"}
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(instructor)
    assert browser.post("/api/v1/brains", body, content_type="application/json").status_code == 403
    _, secret = issue_token(instructor, "program", [Scope.TRAIN])
    response = Client(enforce_csrf_checks=True).post(
        "/api/v1/brains",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert response.status_code == 201


def test_last_use_is_written_at_most_once_a_minute(student):
    token, secret = issue_token(student, "busy", [Scope.READ])
    get(secret)
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    get(secret)
    token.refresh_from_db()
    assert token.last_used_at == first
    long_ago = timezone.now() - timedelta(seconds=61)
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=long_ago)
    get(secret)
    token.refresh_from_db()
    assert token.last_used_at > first


@pytest.mark.parametrize(
    ("name", "scopes", "expires_in"),
    [
        ("x", [], None),
        ("x", ["everything"], None),
        ("", [Scope.READ], None),
        ("x" * 101, [Scope.READ], None),
        ("x", [Scope.READ], timedelta(seconds=-1)),
    ],
)
def test_token_that_makes_no_sense_is_refused(student, name, scopes, expires_in):
    expires = timezone.now() + expires_in if expires_in else None
    with pytest.raises(TokenError):
        issue_token(student, name, scopes, expires)
    assert not ApiToken.objects.exists()


def test_number_of_tokens_is_bounded_and_revoked_ones_do_not_count(student):
    tokens = [issue_token(student, f"t{n}", [Scope.READ])[0] for n in range(MAX_TOKENS_PER_USER)]
    with pytest.raises(TokenError, match="revoke some"):
        issue_token(student, "one more", [Scope.READ])
    revoke_token(tokens[0])
    issue_token(student, "one more", [Scope.READ])
