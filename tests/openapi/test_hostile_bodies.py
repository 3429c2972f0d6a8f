"""Hostile JSON and YAML against every route that reads a body: a 4xx that says why, at once, and
nothing has changed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from registry.accounts.models import User
from registry.openapi.examples import recorded
from tests.openapi import hostile
from tests.openapi.schemas import problems
from tests.openapi.sending import JSON, operations, send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url", "artifact_dir")]
MOST_SECONDS = 5.0
REFUSED = range(400, 500)


@pytest.fixture
def caller(admin: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(admin)
    return client


@pytest.fixture
def routes(document, known_parameters) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(name, method, address, operation) of all that read JSON."""
    found = [
        (operation["operationId"], method, path.format(**known_parameters(path)), operation)
        for method, path, operation in operations(document)
        if JSON in operation.get("requestBody", {}).get("content", {})
    ]
    assert len(found) >= 15
    return found


def rows() -> dict[str, int]:
    """How many rows each table of ours has."""
    tables = {
        model._meta.db_table
        for app in ("registry", "training")
        for model in apps.get_app_config(app).get_models()
    }
    counts = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in tables)
    with connection.cursor() as cursor:
        cursor.execute(counts)
        return dict(cursor.fetchall())


def required_fields(operation: dict[str, Any]) -> list[str]:
    return operation["requestBody"]["content"][JSON]["schema"].get("required", [])


@pytest.fixture
def refused(caller) -> Callable[..., str | None]:
    """`refused(name, method, url, body)`: what is wrong with the answer, if something is."""

    def ask(what: str, method: str, url: str, sent: Any, media_type: str = JSON) -> str | None:
        began = time.monotonic()
        answer = send(caller, method, url, sent, media_type)
        taken = time.monotonic() - began
        if answer.status_code not in REFUSED:
            return f"{what}: {answer.status_code} {answer.content[:200]!r}"
        if taken > MOST_SECONDS:
            return f"{what}: took {taken:.1f} s"
        return wrong_refusal(url, what, answer)

    return ask


def wrong_refusal(url: str, what: str, answer: HttpResponse) -> str | None:
    """Every refusal says why, in the form of its part of the API."""
    if url.startswith("/v2"):
        data = json.loads(answer.content)
        return None if data.get("error") else f"{what}: {data}"
    if answer["Content-Type"] != "application/problem+json":
        return f"{what}: {answer['Content-Type']}"
    data = answer.json()
    good = data["status"] == answer.status_code and data["detail"]
    if answer.status_code == 422:
        good = good and all(
            "pointer" in error and error["detail"] for error in data.get("errors", [])
        )
    return None if good else f"{what}: {data}"


def complaints(answers: Iterator[str | None]) -> None:
    before = rows()
    found = [answer for answer in answers if answer is not None]
    assert not found, f"{len(found)}\n" + "\n".join(found[:40])
    assert rows() == before


def test_what_is_no_strict_json_is_refused_everywhere(routes, refused):
    complaints(
        refused(f"{name} {kind}", method, url, body)
        for name, method, url, operation in routes
        for kind, body in hostile.MALFORMED.items()
        if kind != "nothing" or required_fields(operation)  # else no body means no fields
    )


def test_other_media_types_are_refused_everywhere(routes, refused):
    complaints(
        refused(f"{name} {media_type}", method, url, b'{"name": "x"}', media_type)
        for name, method, url, _ in routes
        for media_type in hostile.MEDIA_TYPES
    )


def test_documents_of_another_kind_are_refused_everywhere(routes, refused):
    complaints(
        refused(f"{name} {document!r}", method, url, json.dumps(document).encode())
        for name, method, url, _ in routes
        for document in hostile.DOCUMENTS
    )


def test_unknown_and_missing_fields_are_refused(routes, refused):
    def asked() -> Iterator[str | None]:
        for name, method, url, operation in routes:
            good = recorded()[name]["request"]
            if not name.startswith("v2_"):  # the protocol lets servers ignore what they do not know
                yield refused(f"{name} unknown", method, url, {**good, "surprise": 1})
            for field, body in hostile.without_each_field(good):
                if field in required_fields(operation):
                    yield refused(f"{name} without {field}", method, url, body)

    complaints(asked())


def test_wrong_values_in_every_field_are_refused_or_fit_the_description(routes, caller, document):
    """What is taken must be what the description allows; the rest is refused with a reason."""
    wrong, asked, before = [], 0, rows()
    for name, method, url, operation in routes:
        schema = operation["requestBody"]["content"][JSON]["schema"]
        for what, body in hostile.with_every_wrong_value(recorded()[name]["request"]):
            began = time.monotonic()
            answer = send(caller, method, url, body)
            asked += 1
            said = f"{name} {what}: {answer.status_code} {getattr(answer, 'content', b'')[:200]!r}"
            if time.monotonic() - began > MOST_SECONDS:
                wrong.append(f"slow {said}")
            elif answer.status_code in REFUSED:
                wrong += filter(None, [wrong_refusal(url, said, answer)])
            elif answer.status_code >= 500 or problems(document, schema, body):
                wrong.append(said)
    assert asked > 500
    assert not wrong, f"{len(wrong)} of {asked}\n" + "\n".join(wrong[:60])
    assert rows() == before


def test_hostile_yaml_is_refused_wherever_a_brain_is_read(refused, things):
    bodies = {
        "/api/v1/brains": ("POST", lambda text: {"name": "bad", "yaml": text}),
        "/api/v1/brains/small": ("PUT", lambda text: {"yaml": text}),
        "/api/v1/brains/validate": ("POST", lambda text: {"yaml": text}),
        "/api/v1/train": ("POST", lambda text: {"system": "town", "level": "L0", "brain": text}),
    }
    complaints(
        refused(f"{url} {kind}", method, url, body(text))
        for url, (method, body) in bodies.items()
        for kind, text in hostile.YAML_FAULTS.items()
    )
