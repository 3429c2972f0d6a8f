"""Versions beside each other: page, API and CSV."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.registry.conftest import model, register  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db
API, PAGE = "/api/v1/compare/versions", "/models/compare/"


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def versions(register):  # noqa: F811
    return [
        register(
            seed=seed,
            parameters={"seed": seed, "gamma": 0.9},
            metrics={"survival": 10.0 * seed},
        )
        for seed in (1, 2)
    ]


def test_api_puts_versions_beside_each_other(student, versions):
    query = {"ids": "walker:1.0.1,walker:1.0.0"}
    found = signed_in(student).get(API, query).json()
    assert [subject["key"] for subject in found["subjects"]] == ["walker:1.0.1", "walker:1.0.0"]
    assert found["parameters"] == [{"name": "seed", "values": [2, 1], "differs": True}]
    (metric,) = found["metrics"]
    assert (metric["values"], metric["best"]) == ([20.0, 10.0], [0])
    (group,) = found["groups"]
    assert group["metrics"]["survival"]["mean"] == 15.0


def test_page_shows_them_and_offers_a_file(student, versions):
    query = {"version": ["walker:1.0.0", "walker:1.0.1", "walker:9.0.0"]}
    response = signed_in(student).get(PAGE, query)
    words = text_of(response)
    assert "1 of the versions asked for is left out" in words
    assert "survival ↑" in words
    (link,) = re.findall(r'href="(/models/compare/csv/[^"]+)"', response.content.decode())
    file = signed_in(student).get(link.replace("&amp;", "&")).content.decode()
    assert file.splitlines()[0].startswith("key,name,status,format,")
    assert "walker:1.0.1" in file


def test_a_query_chooses_them_too(student, versions):
    found = signed_in(student).get(API, {"q": "metrics.survival > 15"}).json()
    assert [subject["key"] for subject in found["subjects"]] == ["walker:1.0.1"]


@pytest.mark.parametrize(
    "key", ["walker", "walker:1.0", ":1.0.0", "walker:latest", "walker:1.0.9999999999", "x:1.0.0"]
)
def test_what_names_no_version_is_not_there(student, versions, key):
    assert signed_in(student).get(API, {"ids": key}).status_code == 404
    assert signed_in(student).get(PAGE, {"version": key}).status_code == 200


def test_versions_out_of_sight_are_not_there(outsider, versions):
    assert signed_in(outsider).get(API, {"ids": "walker:1.0.0"}).status_code == 404
    assert signed_in(outsider).get(API, {"q": "walker"}).json()["subjects"] == []


def test_more_than_fifty_are_refused(student):
    many = ",".join(f"walker:1.0.{n}" for n in range(51))
    response = signed_in(student).get(API, {"ids": many})
    assert response.status_code == 422
    assert "found 51 versions; at most 50" in response.json()["errors"][0]["detail"]
