"""`POST /api/v1/upload`: a file that must hold what its model_type says."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from safetensors.torch import save

from hamlet.brains import BrainSpec, compile_brain
from hamlet.brains.presets import preset
from hamlet.checkpoint import inference_bytes
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.export import export_onnx
from hamlet.model import HamletModel
from registry.artifacts.models import Artifact
from registry.artifacts.store import open_artifact
from registry.models import ModelVersion, RegisteredModel
from registry.problems import pointer_of
from tests.playing.boards import BRAIN, CREATED_AT, make_board_model
from tests.registry.checkpoints import checkpoint_bytes

pytestmark = pytest.mark.django_db
SMALL = {"architecture": {"type": "ppo", "ppo": {"blocks": 1, "channels": 8}}}


def board_bytes(seed: int = 0) -> bytes:
    return inference_bytes(make_board_model(seed), created_at=CREATED_AT)


def plain_weights(spec: BrainSpec) -> bytes:
    return save({name: t.clone() for name, t in compile_brain(spec, LAYOUT).state_dict().items()})


@pytest.fixture
def client(instructor) -> Client:
    client = Client()
    client.force_login(instructor)
    return client


@pytest.fixture
def send(client):
    """`send(content, metadata={...}, key="once")`. Returns the response."""

    def post(content: bytes, model_type="alphazero", key="", metadata=None, **fields):
        form = {"model": SimpleUploadedFile("net", content), "model_type": model_type, **fields}
        if metadata is not None:
            form["metadata"] = metadata if isinstance(metadata, str) else json.dumps(metadata)
        headers = {"Idempotency-Key": key} if key else {}
        return client.post("/api/v1/upload", form, headers=headers)

    return post


def test_checkpoint_becomes_a_version_of_the_model_that_is_named(send, classroom):
    metadata = {
        "name": "dropper",
        "classroom": classroom.pk,
        "metrics": {"wins": 0.5},
        "tags": {"team": "red"},
        "description": "from home",
    }
    response = send(board_bytes(), metadata=metadata)
    assert response.status_code == 201, response.content
    found = response.json()
    assert (found["model"], found["model_version"]) == ("dropper", "1.0.0")
    assert (found["model_type"], found["format"]) == ("alphazero", "hamlet")
    assert response.headers["Location"] == found["url"]
    version = ModelVersion.objects.get()
    assert version.model.classroom == classroom
    assert (version.metrics, version.card.tags) == ({"wins": 0.5}, {"team": "red"})
    assert open_artifact(version.artifact) == board_bytes()


def test_onnx_file_goes_under_the_default_name(send, tmp_path):
    path = tmp_path / "net.onnx"
    export_onnx(make_board_model(), path)
    found = send(path.read_bytes()).json()
    assert (found["model"], found["format"]) == ("connect_four-alphazero", "onnx")
    assert RegisteredModel.objects.get().system == "connect_four"


def test_plain_weights_are_read_by_the_brain_that_is_named(send):
    spec = BrainSpec.from_data(SMALL)
    response = send(plain_weights(spec), "ppo", metadata={"brain": SMALL})
    assert response.status_code == 201, response.content
    kept = HamletModel.load_from_checkpoint(open_artifact(ModelVersion.objects.get().artifact))
    assert kept.network.spec.hash == spec.hash


def test_plain_weights_without_a_brain_are_of_the_small_preset(send):
    assert send(plain_weights(preset("ppo")), "ppo").status_code == 201
    kept = HamletModel.load_from_checkpoint(open_artifact(ModelVersion.objects.get().artifact))
    assert kept.network.spec.hash == preset("ppo").hash


@pytest.mark.parametrize(
    ("model_type", "metadata", "path", "words"),
    [
        ("ppo", {}, "model_type", "alphazero"),
        ("alphazero", {"preset": "large"}, "metadata.preset", "another network"),
        ("alphazero", {"brain": SMALL}, "metadata.brain.architecture.type", "expected alphazero"),
        ("alphazero", {"brain": BRAIN, "preset": "small"}, "metadata.brain", "beside"),
        ("chess", {}, "model_type", "alphazero"),
        ("alphazero", {"tags": {"a b": "c"}}, "metadata.tags", "a b"),
        ("alphazero", {"metrics": {"score": "high"}}, "metadata.metrics.score", "number"),
        ("alphazero", {"parent": "7.0.0"}, "metadata.parent", "7.0.0"),
        ("alphazero", {"colour": "red"}, "metadata.colour", "unknown"),
        ("alphazero", {"name": "a b"}, "metadata.name", "letters"),
        ("alphazero", "{", "metadata", "JSON"),
        ("alphazero", "[]", "metadata", "object"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place_and_leaves_nothing(
    send, model_type, metadata, path, words
):
    response = send(board_bytes(), model_type, metadata=metadata)
    assert response.status_code == 422, response.content
    [error] = response.json()["errors"]
    assert error["pointer"] == pointer_of(path)
    assert words in error["detail"]
    assert not ModelVersion.objects.exists()
    assert not RegisteredModel.objects.exists()
    assert not Artifact.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"just text", "text"),
        (b"\x80\x04.", "pickle"),
        ((2**40).to_bytes(8, "little") + b"{}", "header claims"),
        (plain_weights(BrainSpec.from_data(SMALL)), "missing"),
        (checkpoint_bytes(), "expected input float32"),
    ],
    ids=["text", "pickle", "lying header", "weights of another network", "a network of the town"],
)
def test_other_files_are_refused_with_a_reason_and_leave_nothing(send, content, words):
    response = send(content)
    assert response.status_code == 422, response.content
    assert words in response.content.decode()
    assert not ModelVersion.objects.exists()
    assert not Artifact.objects.exists()


def test_model_of_another_system_takes_no_board_network(send, model):
    response = send(board_bytes(), metadata={"name": model.name})
    assert response.json()["errors"][0]["pointer"] == "/metadata/name"
    assert not Artifact.objects.exists()


def test_same_key_registers_once(send):
    first = send(board_bytes(), key="once")
    again = send(board_bytes(), key="once")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert ModelVersion.objects.count() == 1
    assert send(board_bytes(seed=1), key="once").status_code == 409
    assert send(board_bytes(), key="twice").json()["model_version"] == "1.0.1"


def test_file_must_come_under_its_name(client):
    form = {"file": SimpleUploadedFile("net", board_bytes()), "model_type": "alphazero"}
    response = client.post("/api/v1/upload", form)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/model"
