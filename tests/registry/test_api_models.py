"""REST: models, versions, downloads, aliases and brains."""

from __future__ import annotations

import base64
import hashlib

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncRequestFactory, Client

from hamlet.model import HamletModel
from registry.aliases.services import move_alias
from registry.artifacts.disk import CHUNK_BYTES
from registry.artifacts.store import artifact_path, open_artifact, store_file
from registry.downloads import send_artifact
from registry.models import AliasMove, BrainSpec
from registry.services import save_brain_spec
from tests.registry.checkpoints import DENSE, WIDER

pytestmark = pytest.mark.django_db
MODEL = "/api/v1/models/walker"


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def put(client: Client, path: str, body: object):
    return client.put(path, body, content_type="application/json")


def test_model_says_its_newest_version_and_how_many_there_are(register, student):
    register()
    register(seed=1)
    found = signed_in(student).get(MODEL).json()
    assert found["name"] == "walker"
    assert found["system"] == "town"
    assert found["newest_version"] == "1.0.1"
    assert found["version_count"] == 2
    assert signed_in(student).get("/api/v1/models").json()["items"] == [found]


def test_version_says_where_it_comes_from(register, student):
    version = register(lineage={"level": "L0"}, metrics={"survival": 4.5})
    found = signed_in(student).get(f"{MODEL}/versions/1.0.0").json()
    assert found["lineage"] == {"level": "L0"}
    assert found["metrics"] == {"survival": 4.5}
    assert found["artifact_sha256"] == version.artifact_id
    assert found["signature"] == version.signature
    assert found["aliases"] == ["latest"]


def test_version_is_found_by_alias_too(version, student):
    found = signed_in(student).get(f"{MODEL}/versions/latest").json()
    assert found["version"] == "1.0.0"


def test_versions_are_listed_highest_first(register, student):
    for seed in range(3):
        register(seed=seed)
    items = signed_in(student).get(f"{MODEL}/versions").json()["items"]
    assert [item["version"] for item in items] == ["1.0.2", "1.0.1", "1.0.0"]


def test_download_is_the_checkpoint_with_its_hash_and_a_safe_name(version, student):
    response = signed_in(student).get(f"{MODEL}/versions/1.0.0/download")
    content = response.getvalue()
    digest = hashlib.sha256(content)
    assert content == open_artifact(version.artifact)
    assert response["ETag"] == f'"{digest.hexdigest()}"'
    encoded = base64.b64encode(digest.digest()).decode()
    assert response["Repr-Digest"] == f"sha-256=:{encoded}:"
    assert response["Content-Disposition"] == 'attachment; filename="walker-1.0.0.safetensors"'
    assert HamletModel.load_from_checkpoint(content).signature().to_data() == version.signature


def test_download_that_is_there_already_is_not_sent_again(version, student):
    client = signed_in(student)
    url = f"{MODEL}/versions/latest/download"
    etag = client.get(url)["ETag"]
    for sent in (etag, f"W/{etag}", f'"other", {etag}'):
        response = client.get(url, headers={"If-None-Match": sent})
        assert response.status_code == 304
        assert response.content == b""
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


def test_damaged_file_is_not_handed_out(version, student):
    artifact_path(version.artifact).write_bytes(b"x" * version.artifact.size_bytes)
    response = signed_in(student).get(f"{MODEL}/versions/1.0.0/download")
    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"


def test_download_over_the_asynchronous_server_leaves_piece_by_piece(artifact_dir, db):
    content = bytes(2 * CHUNK_BYTES) + b"end"
    artifact = store_file(content, "application/octet-stream")
    request = AsyncRequestFactory().get("/")
    response = send_artifact(request, artifact, "a.safetensors")
    assert response["Content-Length"] == str(len(content))

    async def pieces() -> list[bytes]:
        return [piece async for piece in response]

    found = async_to_sync(pieces)()
    assert [len(piece) for piece in found] == [CHUNK_BYTES, CHUNK_BYTES, 3]
    assert b"".join(found) == content
    response.close()
    with pytest.raises(ValueError, match="closed"):
        async_to_sync(pieces)()


@pytest.mark.parametrize(
    "at",
    [
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "2026-13-01T00:00:00Z",
        "soon",
        "",
    ],
)
def test_time_that_no_database_can_hold_is_refused(version, student, at):
    response = signed_in(student).get(f"{MODEL}/aliases/latest", {"at": at})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/at"


def test_models_of_a_system_that_is_not_there_are_refused(version, student):
    response = signed_in(student).get("/api/v1/models", {"system": "towm"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/system"
    assert signed_in(student).get("/api/v1/models", {"system": "town"}).json()["items"]


def test_alias_is_moved_asked_and_removed(register, instructor):
    register()
    register(seed=1)
    client = signed_in(instructor)
    assert put(client, f"{MODEL}/aliases/best", {"version": "1.0.0"}).json() == {
        "alias": "best",
        "version": "1.0.0",
        "protected": False,
    }
    assert put(client, f"{MODEL}/aliases/best", {"version": "latest"}).json()["version"] == "1.0.1"
    assert client.get(f"{MODEL}/aliases").json() == [
        {"alias": "best", "version": "1.0.1", "protected": False},
        {"alias": "latest", "version": "1.0.1", "protected": False},
    ]
    protection = client.patch(
        f"{MODEL}/aliases/best", {"protected": True}, content_type="application/json"
    )
    assert protection.json()["protected"] is True
    assert put(client, f"{MODEL}/aliases/best", {"version": "1.0.0"}).status_code == 409
    client.patch(f"{MODEL}/aliases/best", {"protected": False}, content_type="application/json")
    assert client.delete(f"{MODEL}/aliases/best").status_code == 204
    assert client.get(f"{MODEL}/aliases/best").status_code == 404
    assert client.delete(f"{MODEL}/aliases/best").status_code == 404
    moves = client.get(f"{MODEL}/alias-moves").json()["items"]
    assert [(move["alias"], move["old_version"], move["new_version"]) for move in moves[:3]] == [
        ("best", "1.0.1", None),
        ("best", "1.0.0", "1.0.1"),
        ("best", None, "1.0.0"),
    ]
    assert moves[0]["moved_by"] == "instructor"


def test_what_an_alias_named_at_a_time_is_a_question(register, model, instructor):
    first, second = register(), register(seed=1)
    move_alias(model, "best", first)
    began = AliasMove.objects.filter(name="best").get().moved_at
    move_alias(model, "best", second)
    client = signed_in(instructor)
    url = f"{MODEL}/aliases/best"
    assert client.get(url, {"at": began.isoformat()}).json()["version"] == "1.0.0"
    assert client.get(url, {"at": "2001-01-01T00:00:00Z"}).json()["version"] is None
    refused = client.get(url, {"at": "yesterday"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/at"


@pytest.mark.parametrize(
    ("alias", "body", "status"),
    [
        ("latest", {"version": "1.0.0"}, 409),
        ("1.0.0", {"version": "1.0.0"}, 422),
        ("best", {"version": "7.0.0"}, 404),
        ("best", {"version": 1}, 422),
        ("best", {}, 422),
        ("best", {"version": "1.0.0", "force": True}, 422),
        ("best", [], 422),
        ("x" * 51, {"version": "1.0.0"}, 422),
    ],
)
def test_move_that_cannot_be_is_refused_and_leaves_no_row(version, instructor, alias, body, status):
    before = AliasMove.objects.count()
    response = put(signed_in(instructor), f"{MODEL}/aliases/{alias}", body)
    assert response.status_code == status
    assert AliasMove.objects.count() == before


def test_brain_is_kept_verbatim_and_listed(instructor):
    client = signed_in(instructor)
    response = client.post(
        "/api/v1/brains", {"name": "small", "yaml": DENSE}, content_type="application/json"
    )
    assert response.status_code == 201
    assert response["Location"] == "/api/v1/brains/small"
    assert client.get("/api/v1/brains/small").json()["yaml"] == DENSE
    (item,) = client.get("/api/v1/brains").json()["items"]
    assert item["architecture"] == "feedforward"
    assert "yaml" not in item


def test_brain_name_is_given_once(instructor):
    client = signed_in(instructor)
    save_brain_spec("small", DENSE, instructor)
    body = {"name": "small", "yaml": WIDER}
    response = client.post("/api/v1/brains", body, content_type="application/json")
    assert response.status_code == 409
    assert BrainSpec.objects.get().yaml_text == DENSE


def test_brain_is_changed_by_its_owner_alone(instructor, admin, outsider, student):
    save_brain_spec("small", DENSE, admin)
    hidden = put(signed_in(instructor), "/api/v1/brains/small", {"yaml": WIDER})
    assert hidden.status_code == 404, "the admin shares no class with the instructor"
    save_brain_spec("mine", DENSE, instructor)
    assert put(signed_in(instructor), "/api/v1/brains/mine", {"yaml": WIDER}).status_code == 200
    assert put(signed_in(student), "/api/v1/brains/mine", {"yaml": DENSE}).status_code == 403
    assert BrainSpec.objects.get(name="mine").yaml_text == WIDER


def test_validating_keeps_nothing_and_writes_defaults_out(student):
    response = signed_in(student).post(
        "/api/v1/brains/validate", {"yaml": DENSE}, content_type="application/json"
    )
    assert response.status_code == 200
    assert response.json()["data"]["architecture"]["feedforward"]["activation"] == "relu"
    assert response.json()["spec_hash"].startswith("sha256:")
    assert not BrainSpec.objects.exists()
