"""schemathesis over the description that is served, against a real web server.

Whatever fits the description, and whatever breaks it, is answered as the description says: with
a status, a media type and a body that it names, and never with an error of the server's own.

`OPENAPI_FUZZ=50 pytest tests/openapi/test_fuzzing.py` tries so many examples of each operation, and
others each time.
"""

from __future__ import annotations

import json
import os
import random
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
from registry.openapi.inference_protocol import BINARY, DATATYPES, HEADER_LENGTH, JSON
from tests.openapi.schemas import problems

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
LONG = int(os.environ.get("OPENAPI_FUZZ", "0"))
EXAMPLES, FEW = LONG or 3, 1  # of each operation and kind
SEED = random.randrange(2**32) if LONG else 20
# What programs ask all day, answered by code of its own before Django is asked.
OFTEN = ("predict", "predict_ensemble", "v2_infer", "v2_version_infer")
OFTEN_EXAMPLES = max(EXAMPLES, 10)
# Each starts a process that looks into the file.
EXPENSIVE = {"register_version": 1, "upload": 1, "import_bundle": 1}
TIMEOUT_S = 20


@schemathesis.serializer("application/zip", "application/x-ndjson", "text/csv")
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
    many = OFTEN_EXAMPLES if name in OFTEN else EXAMPLES
    kinds = [
        (operation.as_strategy(generation_mode=mode, path_parameters=known or None), many)
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
            seed(SEED)(quiet(arguments(ask)))()
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
    assert not wrong, f"OPENAPI_FUZZ seed {SEED}\n" + "\n\n".join(wrong)


NUMBERS = st.integers(-2, 2**40) | st.sampled_from([0, 1, 38, 76, 152, 304])
SHAPES = st.sampled_from([[1, 38], [2, 38], [38], [0, 38]]) | st.lists(NUMBERS, max_size=9)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["observation", "action_mask", "nobody"]),
        "shape": SHAPES,
        "datatype": st.sampled_from([*DATATYPES, "BYTES", "BF16", 7]),
    },
    optional={
        "data": st.lists(st.floats(width=32) | st.integers() | st.booleans(), max_size=40),
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_size": NUMBERS}),
    },
)


@st.composite
def json_and_bytes(draw: st.DrawFn) -> tuple[bytes, str]:
    """(body, its Inference-Header-Content-Length): right, or wrong in some place."""
    head = json.dumps(
        {
            "inputs": draw(st.lists(TENSORS, min_size=1, max_size=3)),
            "parameters": {"binary_data_output": draw(st.booleans())},
        }
    ).encode()
    size = len(head) + draw(st.sampled_from([0, 0, 0, 1, -1, 10**6]))
    return head + draw(st.binary(max_size=200)), draw(st.sampled_from([str(size), "", "x", "-1"]))


def test_json_with_bytes_is_answered_as_described(web_server, document, sessions, things):
    operation = document["paths"]["/v2/models/{name}/infer"]["post"]
    session, wrong = sessions()[0], []

    def ask(sent: tuple[bytes, str]) -> None:
        body, length = sent
        headers = {"Content-Type": BINARY} | ({HEADER_LENGTH: length} if length else {})
        response = session.post(
            f"{web_server}/v2/models/walker/infer", body, headers=headers, timeout=TIMEOUT_S
        )
        described = operation["responses"].get(str(response.status_code))
        if described is None or response.status_code >= 500:
            wrong.append(f"{response.status_code} {response.content[:200]!r} to {body!r}")
        elif response.status_code >= 400:
            schema = described["content"][JSON]["schema"]
            wrong.extend(problems(document, schema, response.json()))

    quiet = settings(
        max_examples=max(LONG, 60),
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    seed(SEED)(quiet(given(json_and_bytes())(ask)))()
    assert not wrong, f"OPENAPI_FUZZ seed {SEED}\n" + "\n\n".join(wrong)
