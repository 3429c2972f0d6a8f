"""The same hostile bodies from programs with a token, which are answered before Django is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from registry.accounts.models import Scope, User
from registry.accounts.services import issue_token
from registry.openapi.examples import recorded
from tests.openapi import hostile
from tests.openapi.schemas import problems
from tests.openapi.sending import JSON

ROUTES = {
    "predict": "/api/v1/predict",
    "predict_ensemble": "/api/v1/predict/ensemble",
    "v2_infer": "/v2/models/walker/infer",
}
MOST_SECONDS = 5.0


@pytest.fixture
def ask(web_server: str, admin: User, things: dict) -> Callable[..., requests.Response]:
    _, secret = issue_token(admin, "hostile", Scope.values)
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {secret}"

    def send(path: str, body: bytes, media_type: str = JSON) -> requests.Response:
        headers = {"Content-Type": media_type}
        return session.post(web_server + path, body, headers=headers, timeout=30)

    return send


def complaint(what: str, answer: requests.Response, document: dict[str, Any], path: str) -> str:
    """What is wrong with a refusal; empty where it is one that the document describes."""
    template = path.replace("walker", "{name}")
    described = document["paths"][template]["post"]["responses"].get(str(answer.status_code))
    said = f"{what}: {answer.status_code} {answer.content[:200]!r}"
    if not 400 <= answer.status_code < 500 or described is None:
        return said
    if answer.elapsed.total_seconds() > MOST_SECONDS:
        return f"slow: {said}"
    media_type = answer.headers["Content-Type"]
    if media_type not in described["content"]:
        return f"{media_type}: {said}"
    schema = described["content"][media_type]["schema"]
    return "; ".join(problems(document, schema, answer.json()))


def bodies() -> Iterator[tuple[str, bytes, str]]:
    """(what it is, body, media type)"""
    for kind, body in hostile.MALFORMED.items():
        yield kind, body, JSON
    for media_type in hostile.MEDIA_TYPES:
        yield media_type, b'{"name": "x"}', media_type
    for document in hostile.DOCUMENTS:
        yield repr(document), json.dumps(document).encode(), JSON


@pytest.mark.parametrize("name", ROUTES)
def test_hostile_bodies_are_refused_as_described(ask, document, name):
    path = ROUTES[name]
    found = [complaint(what, ask(path, *sent), document, path) for what, *sent in bodies()]
    assert len(found) > 30
    assert not any(found), "\n".join(filter(None, found))


@pytest.mark.parametrize("name", ROUTES)
def test_wrong_values_are_refused_or_fit_the_description(ask, document, name):
    path, wrong = ROUTES[name], []
    operation = document["paths"][path.replace("walker", "{name}")]["post"]
    schema = operation["requestBody"]["content"][JSON]["schema"]
    began, asked = time.monotonic(), 0
    for what, body in hostile.with_every_wrong_value(recorded()[name]["request"]):
        answer = ask(path, json.dumps(body).encode())
        asked += 1
        if answer.status_code != 200:
            wrong.append(complaint(f"{what}", answer, document, path))
        elif found := problems(document, schema, body):
            wrong.append(f"{what} is taken, though {found}")
    assert asked > 30
    assert time.monotonic() - began < asked * MOST_SECONDS / 10
    assert not any(wrong), "\n".join(filter(None, wrong))
