"""Every operation shows a request that the server takes and the answer that it gives.

`OPENAPI_EXAMPLES=record pytest tests/openapi/test_examples.py` records them anew, from
requests_sent.py, into registry/openapi/examples.json.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest
from django.test import Client

from registry.accounts.models import User
from registry.openapi.examples import FILE, recorded
from tests.access.routes import every_route
from tests.openapi.requests_sent import BODIES, MEDIA_TYPES, QUERIES, WITHOUT_RECORDING
from tests.openapi.schemas import problems
from tests.openapi.sending import JSON, body_of, operations, send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url", "artifact_dir")]
LONGEST_LIST, LONGEST_TEXT = 3, 300
SHOWN_ONCE = "whsec_..."
RECORDING = os.environ.get("OPENAPI_EXAMPLES") == "record"


@pytest.fixture
def caller(admin: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(admin)
    return client


def shortened(data: Any) -> Any:
    if isinstance(data, dict):
        return {n: SHOWN_ONCE if n == "secret" else shortened(v) for n, v in data.items()}
    if isinstance(data, list):
        return [shortened(item) for item in data[:LONGEST_LIST]]
    if isinstance(data, str) and len(data) > LONGEST_TEXT:
        return data[: LONGEST_TEXT - 1] + "\u2026"
    return data


def address(path: str, known: dict[str, str], name: str) -> str:
    query = QUERIES.get(name, "")
    return path.format(**known) + (f"?{query}" if query else "")


def good_answers(operation: dict[str, Any]) -> dict[str, Any]:
    return {
        status: response["content"][JSON]
        for status, response in operation["responses"].items()
        if status < "300" and JSON in response.get("content", {})
    }


def shows(content: dict[str, Any]) -> bool:
    return "example" in content or "examples" in content


@pytest.mark.skipif(not RECORDING, reason="records the examples, when asked to")
def test_record_the_examples(document, caller, known_parameters):
    found, refused = {}, []
    for method, path, operation in operations(document):
        name = operation["operationId"]
        if name in WITHOUT_RECORDING and name in BODIES:
            found[name] = {"request": BODIES[name]}
        if name in WITHOUT_RECORDING:
            continue
        media_type = MEDIA_TYPES.get(name, JSON)
        url = address(path, known_parameters(path), name)
        answer = send(caller, method, url, BODIES.get(name), media_type)
        if answer.status_code >= 300:
            refused.append(f"{name} {url}: {answer.status_code} {body_of(answer)!r}")
        found[name] = {"status": str(answer.status_code)}
        if name in BODIES:
            found[name]["request"] = BODIES[name]
        if name in MEDIA_TYPES:
            found[name]["media_type"] = media_type
        if answer.get("Content-Type", "").startswith(JSON):
            found[name]["response"] = shortened(json.loads(body_of(answer)))
    assert not refused, "\n".join(refused)
    FILE.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    recorded.cache_clear()


def test_every_request_and_answer_has_an_example(document):
    missing = []
    for method, path, operation in operations(document):
        name = operation["operationId"]
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            if not shows(content) and name not in WITHOUT_RECORDING:
                missing.append(f"{method} {path}: {media_type} request")
        answers = good_answers(operation)
        shown = any(map(shows, answers.values()))
        if answers and not shown and name not in WITHOUT_RECORDING:
            missing.append(f"{method} {path}: answer")
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                if media_type == "application/problem+json" and "example" not in content:
                    missing.append(f"{method} {path}: {status}")
    assert not missing, "\n".join(missing)


def test_examples_fit_their_schemas(document):
    wrong = []
    for _, _, operation in operations(document):
        contents = [*operation.get("requestBody", {}).get("content", {}).items()]
        for response in operation["responses"].values():
            contents += response.get("content", {}).items()
        for media_type, content in contents:
            shown = [one["value"] for one in content.get("examples", {}).values()]
            for example in shown or ([content["example"]] if "example" in content else []):
                found = problems(document, content["schema"], example)
                wrong += [f"{operation['operationId']} {media_type} {one}" for one in found]
    assert not wrong, "\n".join(wrong)


def test_the_server_takes_every_example_and_answers_as_shown(document, caller, known_parameters):
    wrong = []
    for method, path, operation in operations(document):
        name = operation["operationId"]
        shown = recorded().get(name)
        if shown is None or name in WITHOUT_RECORDING:
            continue
        url = address(path, known_parameters(path), name)
        answer = send(caller, method, url, shown.get("request"), shown.get("media_type", JSON))
        if str(answer.status_code) != shown["status"]:
            wrong.append(f"{name}: {answer.status_code} {body_of(answer)[:300]!r}")
        elif "response" in shown:
            schema = operation["responses"][shown["status"]]["content"][JSON]["schema"]
            wrong += [
                f"{name}: {one}" for one in problems(document, schema, json.loads(body_of(answer)))
            ]
    assert not wrong, "\n".join(wrong)


def test_every_operation_says_what_it_does_and_belongs_to_a_group(document):
    known = {tag["name"] for tag in document["tags"]}
    for method, path, operation in operations(document):
        assert operation.get("description"), f"{method} {path} says nothing"
        assert set(operation["tags"]) <= known
        assert operation["tags"] != ["Other"], f"{method} {path}: registry/openapi/grouping.py"


def test_no_route_of_the_resolver_is_left_out(document):
    described = {
        (method, re.sub(r"{\w+}", "{}", path).rstrip("/"))
        for method, path, _ in operations(document)
    }
    routes = {
        (method, "/" + re.sub(r"<[^>]+>", "{}", route.pattern).rstrip("/"))
        for route in every_route()
        for method in route.methods or ()
        if route.pattern.startswith(("api/v1/", "v2"))
    }
    assert {route for route in routes if not route[1].endswith("/openapi.json")} == described


def test_operations_have_names_of_their_own_and_servers_are_relative(document):
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert not [name for name in names if name[-1].isdigit()]
    assert [server["url"] for server in document["servers"]] == ["/"]
    assert set(document["components"]["securitySchemes"]) == {"cookieAuth", "token"}


def test_description_is_made_without_a_complaint(capsys):
    from drf_spectacular.drainage import GENERATOR_STATS
    from drf_spectacular.generators import SchemaGenerator

    GENERATOR_STATS.reset()
    SchemaGenerator().get_schema(request=None, public=True)
    assert not GENERATOR_STATS._warn_cache
    assert not GENERATOR_STATS._error_cache
