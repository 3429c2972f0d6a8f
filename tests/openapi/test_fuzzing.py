"""schemathesis over the description that is served, against a real web server.

Whatever fits the description, and whatever breaks it, is answered as the description says: with
a status, a media type and a body that it names, and never with an error of the server's own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import requests
import schemathesis
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from registry.accounts.models import Scope, User
from registry.accounts.services import issue_token

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES, FEW = 3, 1  # of each operation and kind
# Each starts a process that looks into the file.
EXPENSIVE = {"register_version": 1, "import_bundle": 1}
TIMEOUT_S = 20


@schemathesis.serializer("application/zip")
def as_it_is(context: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture
def sessions(admin: User, instructor: User) -> Callable[[], list[requests.Session]]:
    """New tokens each time, so that none comes too often."""

    def make() -> list[requests.Session]:
        made = []
        for user in (admin, instructor):
            user.api_tokens.update(revoked_at=timezone.now())
            session = requests.Session()
            _, secret = issue_token(user, "schemathesis", Scope.values)
            session.headers["Authorization"] = f"Bearer {secret}"
            made.append(session)
        return made

    return make


def complaints_of(
    operation: APIOperation, base_url: str, sessions: list[requests.Session], known: dict[str, Any]
) -> list[str]:
    """What is wrong with the answers to some requests of one operation."""
    name = operation.definition.raw["operationId"]
    found: dict[str, str] = {}
    fits, breaks = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    kinds = [
        (operation.as_strategy(generation_mode=mode, path_parameters=known or None), EXAMPLES)
        for mode in (fits, breaks)
    ]
    if known:  # else they have no parameters that could name what is not there
        kinds.append((operation.as_strategy(generation_mode=breaks), FEW))

    def ask(case: Case, session: requests.Session) -> None:
        response = case.call(base_url=base_url, session=session, timeout=TIMEOUT_S)
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as failures:
            for one in failures.exceptions:
                shown = f"{name} {response.status_code} {type(one).__name__}: {one}"
                found.setdefault(shown[:60], f"{shown[:1500]}\n  {case.as_curl_command()[:600]}")

    for kind, examples in kinds:
        arguments = given(kind, st.sampled_from(sessions))
        quiet = settings(
            max_examples=min(examples, EXPENSIVE.get(name, examples)),
            phases=[Phase.generate],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        with suppress(Unsatisfiable):  # nothing of it can be wrong
            seed(20)(quiet(arguments(ask)))()
    return list(found.values())


def test_every_operation_answers_as_described(web_server, sessions, known_parameters):
    schema = schemathesis.openapi.from_url(f"{web_server}/api/v1/openapi.json")
    wrong, asked = [], 0
    for result in schema.get_all_operations():
        operation = result.ok()
        known = known_parameters(operation.path)
        wrong += complaints_of(operation, web_server, sessions(), known)
        asked += 1
    assert asked >= 70
    assert not wrong, "\n\n".join(wrong)
