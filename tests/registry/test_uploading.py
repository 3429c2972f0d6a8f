"""Files that people bring: each kind becomes a version, and what is refused leaves nothing."""

from __future__ import annotations

import json
import pickle

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from safetensors.torch import save

from hamlet.checkpoint import read_checkpoint
from hamlet.export import export_onnx
from hamlet.model import HamletModel
from registry.artifacts.models import Artifact
from registry.artifacts.store import open_artifact
from registry.models import ModelVersion, RegisteredModel
from registry.problems import pointer_of
from tests.registry.checkpoints import DENSE, checkpoint_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(instructor) -> Client:
    client = Client()
    client.force_login(instructor)
    return client


@pytest.fixture
def send(client, model):
    """Upload over the API: `send(content, tags=...)`. Returns the response."""

    def post(content: bytes, name: str = "model.safetensors", **fields):
        file = SimpleUploadedFile(name, content)
        return client.post("/api/v1/models/walker/versions", {"file": file, **fields})

    return post


def test_checkpoint_becomes_a_version_with_what_is_said_of_it(send):
    response = send(
        checkpoint_bytes(),
        description="from my own machine",
        tags=json.dumps({"team": "red"}),
        metrics=json.dumps({"score": 0.5}),
        parameters=json.dumps({"learning": {"rate": 0.001}}),
        dataset="walks-2026",
    )
    assert response.status_code == 201, response.content
    found = response.json()
    assert response.headers["Location"] == "/api/v1/models/walker/versions/1.0.0"
    assert (found["version"], found["format"], found["status"]) == ("1.0.0", "hamlet", "registered")
    assert found["tags"] == {"team": "red"}
    assert found["metrics"] == {"score": 0.5}
    assert found["parameters"] == {"learning": {"rate": 0.001}}
    assert found["lineage"]["dataset"] == "walks-2026"
    version = ModelVersion.objects.get()
    assert open_artifact(version.artifact) == checkpoint_bytes()


def test_onnx_file_becomes_a_version_that_says_what_it_takes(send, tmp_path):
    path = tmp_path / "model.onnx"
    export_onnx(HamletModel.load_from_checkpoint(checkpoint_bytes()), path)
    found = send(path.read_bytes(), "model.onnx").json()
    assert (found["version"], found["format"]) == ("1.0.0", "onnx")
    assert [one["name"] for one in found["signature"]["inputs"]] == ["observation", "action_mask"]
    assert open_artifact(ModelVersion.objects.get().artifact) == path.read_bytes()


def test_plain_weights_with_their_brain_become_an_inference_checkpoint(send):
    checkpoint = read_checkpoint(checkpoint_bytes())
    layout = json.dumps(checkpoint.header["layout"])
    response = send(save(checkpoint.tensors), brain=DENSE, layout=layout)
    assert response.status_code == 201, response.content
    kept = HamletModel.load_from_checkpoint(open_artifact(ModelVersion.objects.get().artifact))
    original = HamletModel.load_from_checkpoint(checkpoint_bytes())
    zeros = [0.0] * original.signature().layout.size
    assert kept.predict(zeros)["q_values"].tolist() == original.predict(zeros)["q_values"].tolist()


def test_number_rises_by_what_changed_or_by_what_is_asked(send):
    assert send(checkpoint_bytes()).json()["version"] == "1.0.0"
    assert send(checkpoint_bytes(seed=1)).json()["version"] == "1.0.1"
    assert send(checkpoint_bytes(seed=2), part="minor", parent="1.0.1").json()["version"] == "1.1.0"
    assert ModelVersion.objects.get(minor=1).parent.number == "1.0.1"
    assert send(checkpoint_bytes(cells=4)).json()["version"] == "2.0.0"
    response = send(checkpoint_bytes(cells=5), part="patch")
    assert response.status_code == 422
    assert "expected major or higher" in response.json()["errors"][0]["detail"]


class Evil:
    def __reduce__(self):
        return (open, ("/tmp/never", "w"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"just text", "expected"),
        (pickle.dumps(Evil()), "runs code"),
        (b"\xff" * 8 + b"{}", "header"),
        (checkpoint_bytes()[:-3], "bytes"),
    ],
    ids=["empty", "text", "pickle", "lying header", "cut off"],
)
def test_what_is_no_model_is_refused_with_a_reason_and_leaves_nothing(send, content, words):
    response = send(content)
    assert response.status_code == 422, response.content
    assert words in response.content.decode()
    assert ModelVersion.objects.count() == 0
    assert Artifact.objects.count() == 0


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"tags": "{"}, "tags"),
        ({"tags": "[1]"}, "tags"),
        ({"tags": '{"a b": "c"}'}, "tags"),
        ({"metrics": '{"score": "high"}'}, "metrics.score"),
        ({"part": "huge"}, "part"),
        ({"parent": "7.0.0"}, "parent"),
        ({"colour": "red"}, "colour"),
        ({"brain": DENSE}, "layout"),
        ({"description": "x" * 10_001}, "description"),
    ],
)
def test_bad_field_is_named_and_nothing_is_registered(send, fields, path):
    response = send(checkpoint_bytes(), **fields)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer_of(path)
    assert ModelVersion.objects.count() == 0


def test_page_registers_a_file_under_a_new_name(client, classroom):
    page = client.get("/models/upload/?model=runner").content.decode()
    assert 'value="runner"' in page
    fields = {"model": "runner", "system": "town", "classroom": classroom.pk, "tags": "team: red"}
    response = client.post(
        "/models/upload/", {**fields, "file": SimpleUploadedFile("m", checkpoint_bytes())}
    )
    assert response.headers.get("Location") == "/models/runner/versions/1.0.0/"
    assert RegisteredModel.objects.get(name="runner").classroom == classroom


def test_refused_file_makes_no_model_of_a_new_name(client):
    fields = {"model": "runner", "system": "town"}
    file = SimpleUploadedFile("m", b"just text")
    response = client.post("/models/upload/", {**fields, "file": file})
    assert response.status_code == 422
    assert not RegisteredModel.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"), [("parent", "9.9.9"), ("part", "patch")], ids=["parent", "part"]
)
def test_file_whose_place_is_refused_is_not_kept(send, register, field, value):
    register(cells=4)  # other inputs than those of the file
    before = set(Artifact.objects.values_list("pk", flat=True))
    response = send(checkpoint_bytes(), **{field: value})
    assert response.status_code == 422, response.content
    assert response.json()["errors"][0]["pointer"] == pointer_of(field)
    assert set(Artifact.objects.values_list("pk", flat=True)) == before
