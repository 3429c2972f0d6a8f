"""Addresses that nobody types: each is refused with a reason, and none breaks the server."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

pytestmark = pytest.mark.django_db


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/models?system=%00",
        "/api/v1/models/walker/versions/%00",
        "/api/v1/models/walker/aliases/%00",
        "/api/v1/runs?level=a%00b",
    ],
)
def test_nul_in_an_address_of_the_api_is_a_problem(version, student, address):
    response = signed_in(student).get(address)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert "NUL" in response.json()["detail"]


@pytest.mark.parametrize(
    "address",
    [
        "/models/walker/versions/%00/",
        "/runs/new/?from=%00",
        "/admin/training/run/?status=%00",
        "/static/%00",
        "/%00",
    ],
)
def test_nul_in_an_address_of_a_page_is_a_page(version, admin, address):
    response = signed_in(admin).get(address)
    assert response.status_code == 400
    assert "did not understand" in response.content.decode()


def test_nul_is_refused_by_the_asynchronous_server_too():
    response = async_to_sync(AsyncClient().get)("/api/v1/models?system=%00")
    assert response.status_code == 400


def test_form_without_its_token_is_refused_with_a_page(db):
    client = Client(enforce_csrf_checks=True)
    response = client.post("/accounts/login/", {"username": "x", "password": "y"})
    assert response.status_code == 403
    assert "too old" in response.content.decode()
