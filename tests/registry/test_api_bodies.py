"""What the API reads and how it says no: strict JSON in, problem+json out."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from registry.bodies import MalformedBodyError, read_json
from registry.problems import pointer_of

pytestmark = pytest.mark.django_db
VALIDATE = "/api/v1/brains/validate"


@pytest.fixture
def client(instructor) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(instructor)
    return client


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "line 1"),
        (b"{", "line 1"),
        (b'{"a": 1,}', "line 1"),
        (b"{'a': 1}", "line 1"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "finite"),
        (b'{"a": ' + b"9" * 400 + b".0}", "finite"),
        (b'{"a": 1' + b"0" * 300 + b"e10}", "finite"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"a": 1, "b": {"c": 2, "c": 3}}', "'c' stands twice"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b"[" * 100_000, "deeper than 64"),
        (b'{"a":' * 3000 + b"1" + b"}" * 3000, "deeper than 64"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "line 1"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (rb'{"a": "\ud800"}', "surrogate"),
        (rb'{"a": "\u0000"}', "NUL"),
        (b'{"a": 1} {"b": 2}', "line 1"),
    ],
)
def test_what_two_programs_could_read_differently_is_refused(body, words):
    with pytest.raises(MalformedBodyError) as caught:
        read_json(body)
    assert words in str(caught.value.detail)


@pytest.mark.parametrize(
    "data",
    [
        {"a": [1, -2.5, 1e300, True, None, "text"]},
        "[[[[" * 30 + '"brackets in text are no depth"',
        {"quote": '\\" [[[', "emoji": "\U0001f600", "escaped": "\\u0000"},
        [[0.0]] * 100,
        1e308,
        10**300,
    ],
)
def test_good_json_is_read_as_it_is(data):
    assert read_json(json.dumps(data).encode()) == data
    assert read_json(json.dumps(data, ensure_ascii=False).encode()) == data


def test_sixty_four_levels_are_read():
    assert read_json(b"[" * 64 + b"]" * 64)


def test_malformed_body_is_400_with_a_problem(client):
    response = client.post(VALIDATE, b'{"yaml": NaN}', content_type="application/json")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "urn:hamlet:problem:malformed",
        "title": "Bad Request",
        "status": 400,
        "detail": "NaN is not JSON; every number must be finite.",
    }


def test_faults_are_422_one_entry_each(client):
    body = {"yaml": "architecture: {type: dueling, layers: 3}\nextra: 1"}
    response = client.post(VALIDATE, body, content_type="application/json")
    assert response.status_code == 422
    problem = response.json()
    assert problem["type"] == "urn:hamlet:problem:invalid"
    assert problem["detail"] == "2 faults; see errors."
    assert {error["pointer"] for error in problem["errors"]} == {"/architecture/layers", "/extra"}
    assert all(set(error) == {"pointer", "detail"} for error in problem["errors"])


def test_large_body_is_refused_before_it_is_read(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = client.post(VALIDATE, {"yaml": "x" * 200}, content_type="application/json")
    assert response.status_code == 413
    assert "100" in response.json()["detail"]


def test_body_that_is_longer_than_announced_is_cut_off():
    import io

    from django.conf import settings as live

    from registry.bodies import BodyTooLargeError, StrictJSONParser

    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert 0 < size <= live.DATA_UPLOAD_MAX_MEMORY_SIZE + 1, "read without a bound"
            return b" " * size

    with pytest.raises(BodyTooLargeError):
        StrictJSONParser().parse(Endless())


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "json"]
)
def test_other_content_is_415(client, content_type):
    response = client.post(VALIDATE, b"{}", content_type=content_type)
    assert response.status_code == 415
    assert response.json()["status"] == 415


def test_other_methods_are_405_and_say_which_are_allowed(client):
    response = client.delete(VALIDATE)
    assert response.status_code == 405
    assert "POST" in response["Allow"]
    assert response.json()["type"] == "urn:hamlet:problem:method-not-allowed"


def test_unknown_route_below_api_is_a_problem_too(client):
    response = client.get("/api/v1/nothing")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert "openapi.json" in response.json()["detail"]


def test_unknown_thing_says_no_more_than_that(client):
    response = client.get("/api/v1/models/nothing")
    assert response.status_code == 404
    assert "RegisteredModel" not in response.json()["detail"]


def test_failure_of_ours_is_500_without_its_cause(client, monkeypatch):
    from registry import queries

    def fail(user):
        raise RuntimeError("secret cause")

    monkeypatch.setattr(queries, "visible_brains", fail)
    response = client.get("/api/v1/brains")
    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"
    assert "secret cause" not in response.content.decode()


def test_openapi_document_describes_every_route_without_a_token():
    document = Client().get("/api/v1/openapi.json").json()
    paths = document["paths"]
    for path in ("/api/v1/predict", "/api/v1/models", "/api/v1/brains/validate"):
        assert path in paths
    assert "422" in paths["/api/v1/predict"]["post"]["responses"]
    assert "token" in document["components"]["securitySchemes"]


def operations(document: dict) -> dict[str, dict]:
    return {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }


def test_openapi_document_lists_what_any_body_may_be_refused_with():
    found = operations(Client().get("/api/v1/openapi.json").json())
    with_body = {name for name, operation in found.items() if "requestBody" in operation}
    assert with_body >= {"train", "predict", "move_alias", "create_brain", "replace_brain"}
    assert "validate_brain" in with_body
    for name in with_body:
        assert {"400", "413", "415"} <= found[name]["responses"].keys(), name


def test_openapi_document_lists_that_any_request_may_come_at_a_bad_time():
    for name, operation in operations(Client().get("/api/v1/openapi.json").json()).items():
        if name not in ("v2_live", "v2_ready"):  # anybody may ask them, at any time
            assert {"401", "403", "503"} <= operation["responses"].keys(), name


def test_openapi_document_names_the_fields_of_a_prediction_as_predict_does():
    from hamlet.learning.town import PREDICT_SCHEMA

    found = operations(Client().get("/api/v1/openapi.json").json())["predict"]
    schema = found["requestBody"]["content"]["application/json"]["schema"]
    said = schema["additionalProperties"]["description"]
    named = said.partition("town: ")[2].rstrip(")").split(", ")
    assert named == list(PREDICT_SCHEMA.fields)


def test_openapi_document_is_made_without_warnings(capsys):
    from io import StringIO

    from django.core.management import call_command

    out = StringIO()
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=out)
    assert "openapi: 3" in out.getvalue()


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("limit", "/limit"),
        ("examples[3].move", "/examples/3/move"),
        ("observation[0][37]", "/observation/0/37"),
        ("[2]", "/2"),
        ("inputs.observation[1]", "/inputs/observation/1"),
        ("files/a~b", "/files~1a~0b"),
        ("(document)", ""),
    ],
)
def test_a_fault_is_pointed_to_as_rfc_6901_says(path, pointer):
    assert pointer_of(path) == pointer
