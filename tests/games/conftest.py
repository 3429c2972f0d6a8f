"""People who send games, and games to send."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from registry.accounts.models import Scope
from registry.accounts.services import issue_token
from registry.models import User

GAMES = "/api/v1/games"


class Program:
    """A client with a person's token for everything."""

    def __init__(self, user: User) -> None:
        _, secret = issue_token(user, "program", Scope.values)
        self._headers = {"Authorization": f"Bearer {secret}"}

    def send(self, path: str, body: Any, **headers: str):
        given = self._headers | {name.replace("_", "-"): text for name, text in headers.items()}
        return Client().post(path, body, content_type="application/json", headers=given)

    def get(self, path: str, **query: str):
        return Client().get(path, query, headers=self._headers)


@pytest.fixture(autouse=True)
def servers(redis_url: str, artifact_dir: object, settings) -> None:
    # Else every Client() looks through all static files anew, which takes longer than the test.
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def program(student: User) -> Program:
    return Program(student)


@pytest.fixture
def teacher(instructor: User) -> Program:
    return Program(instructor)
