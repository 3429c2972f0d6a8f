"""What the document says of /v2 is what the server takes and gives, in JSON and in bytes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import requests
from django.test import Client

from registry.accounts.models import Scope, User
from registry.accounts.services import issue_token
from registry.openapi import inference_protocol
from registry.openapi.inference_protocol import BINARY, HEADER_LENGTH, JSON, REQUEST_ID
from registry.serving.protocol.requests import INPUT_FIELDS, OUTPUT_FIELDS, REQUEST_FIELDS
from registry.serving.protocol.tensors import DATATYPES
from tests.openapi.schemas import problems
from tests.openapi.sending import operations

INFER = "/v2/models/{name}/infer"
GONE_WRONG = {
    "an unknown field": {"inputs": [], "surprise": 1},
    "no inputs": {"id": "1"},
    "an input without a shape": {"inputs": [{"name": "observation", "datatype": "FP32"}]},
    "a datatype that is none": {"inputs": [{"name": "a", "shape": [1], "datatype": "float"}]},
    "a negative size": {"inputs": [{"name": "a", "shape": [-1], "datatype": "FP32", "data": []}]},
}


@pytest.fixture
def headers(admin: User) -> dict[str, str]:
    _, secret = issue_token(admin, "program", Scope.values)
    return {"Authorization": f"Bearer {secret}"}


def schema_of(document: dict[str, Any], path: str, method: str = "get", status: str = "200") -> Any:
    return document["paths"][path][method]["responses"][status]["content"][JSON]["schema"]


def test_no_answer_of_the_protocol_is_described_as_any_object(document):
    for method, path, operation in operations(document):
        if path.startswith("/v2"):
            for status, response in operation["responses"].items():
                for media_type, content in response["content"].items():
                    named = "$ref" in content["schema"] or media_type == BINARY
                    assert named, f"{method} {path} {status}"


def test_every_route_with_a_token_says_when_it_is_asked_too_often(document):
    for method, path, operation in operations(document):
        if operation.get("security") and "/health/" not in path:
            answer = operation["responses"].get("429")
            assert answer is not None, f"{method} {path}"
            assert "Retry-After" in answer["headers"], f"{method} {path}"


def test_fields_and_datatypes_are_those_that_are_read():
    schemas = inference_protocol.SCHEMAS
    assert set(inference_protocol.DATATYPES) == set(DATATYPES)
    assert set(schemas["V2Question"]["properties"]) == set(REQUEST_FIELDS)
    assert set(schemas["V2Input"]["properties"]) == set(INPUT_FIELDS)
    assert set(schemas["V2WantedOutput"]["properties"]) == set(OUTPUT_FIELDS)


@pytest.mark.parametrize("wrong", GONE_WRONG.values(), ids=GONE_WRONG)
@pytest.mark.usefixtures("redis_url", "artifact_dir")
@pytest.mark.django_db
def test_what_the_description_forbids_is_refused(document, things, admin, wrong):
    schema = document["paths"][INFER]["post"]["requestBody"]["content"][JSON]["schema"]
    assert problems(document, schema, wrong)
    client = Client()
    client.force_login(admin)
    response = client.post("/v2/models/walker/infer", wrong, content_type=JSON)
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/v2", "/v2"),
        ("/v2/health/live", "/v2/health/live"),
        ("/v2/health/ready", "/v2/health/ready"),
        ("/v2/repository/index", "/v2/repository/index"),
        ("/v2/models/{name}", "/v2/models/walker"),
        ("/v2/models/{name}/ready", "/v2/models/walker/ready"),
        ("/v2/models/{name}/versions/{number}", "/v2/models/walker/versions/1.0.0"),
    ],
)
def test_a_program_gets_what_is_described(
    web_server, document, things, headers, path, address
) -> None:
    response = requests.get(web_server + address, headers=headers, timeout=20)
    assert response.status_code == 200
    assert problems(document, schema_of(document, path), response.json()) == []
    refused = requests.get(web_server + address, headers={"Authorization": "Bearer x"}, timeout=20)
    if "/health/" not in path:
        assert refused.status_code == 401
        assert problems(document, schema_of(document, path, status="401"), refused.json()) == []


@pytest.mark.parametrize("wanted", [False, True], ids=["JSON back", "bytes back"])
def test_the_example_of_json_and_bytes_is_taken_as_it_stands(
    web_server, document, things, headers, wanted
) -> None:
    operation = document["paths"][INFER]["post"]
    body: str = operation["requestBody"]["content"][BINARY]["example"]
    head, end = json.JSONDecoder().raw_decode(body)
    if wanted:
        head["parameters"] = {"binary_data_output": True}
        start = json.dumps(head)
        body, end = start + body[end:], len(start)
    else:
        length = next(one for one in operation["parameters"] if one["name"] == HEADER_LENGTH)
        assert f"{end} in the example" in length["description"]
    given = {HEADER_LENGTH: str(end), "Content-Type": BINARY, REQUEST_ID: "night-1", **headers}
    response = requests.post(
        f"{web_server}/v2/models/walker/infer", body.encode(), headers=given, timeout=20
    )
    assert response.status_code == 200, response.text
    assert response.headers[REQUEST_ID] == "night-1"
    described = operation["responses"]["200"]
    assert response.headers["Content-Type"] in described["content"]
    size = int(response.headers.get(HEADER_LENGTH, len(response.content)))
    answer = json.loads(response.content[:size])
    assert problems(document, schema_of(document, INFER, "post"), answer) == []
    if wanted:
        sizes = [one["parameters"]["binary_data_size"] for one in answer["outputs"]]
        assert size + sum(sizes) == len(response.content)
        values = np.frombuffer(response.content[-sizes[-1] :], "<f4")
        assert len(values) == 8
        assert np.isfinite(values).all()
