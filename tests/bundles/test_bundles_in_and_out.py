"""Bundles through the API, the pages and the commands."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from registry.accounts.services import issue_token
from registry.models import AuditEntry, ModelVersion, RegisteredModel, Scope

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir")]
ZIP = "application/zip"


@pytest.fixture
def one(register) -> ModelVersion:
    return register()


@pytest.fixture
def caller(instructor) -> Client:
    _, secret = issue_token(instructor, "t", [Scope.READ, Scope.MANAGE])
    return Client(headers={"authorization": f"Bearer {secret}"})


def fetch(client: Client, address: str) -> bytes:
    response = client.get(address)
    assert response.status_code == 200, response.content
    content = b"".join(response.streaming_content)
    assert response.headers["Content-Length"] == str(len(content))
    return content


def post(client: Client, content: bytes, query: str = "", content_type: str = ZIP):
    return client.post(f"/api/v1/bundles{query}", content, content_type=content_type)


def test_bundle_goes_out_and_comes_in_over_the_api(one, caller, wipe, classroom, instructor):
    content = fetch(caller, "/api/v1/models/walker/bundle")
    assert zipfile.ZipFile(io.BytesIO(content)).namelist()[0] == "manifest.json"
    entry = AuditEntry.objects.get(action="bundle.exported")
    assert (entry.actor, entry.subject) == ("instructor", "walker")
    wipe()
    response = post(caller, content, f"?classroom={classroom.pk}")
    assert response.status_code == 201
    assert response.json() == {
        "changed": True,
        "models": ["walker"],
        "versions": ["walker 1.0.0"],
        "alias_moves": 1,
        "unchanged": [],
        "notes": [],
    }
    assert RegisteredModel.objects.get().classroom == classroom
    again = post(caller, content)
    assert (again.status_code, again.json()["changed"]) == (200, False)
    renamed = post(caller, content, "?rename=walker:runner")
    assert renamed.json()["models"] == ["runner"]


def test_single_versions_are_taken_by_number_or_alias(one, register, caller):
    register(seed=1)
    content = fetch(caller, "/api/v1/models/walker/bundle?version=1.0.0")
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert names == ["manifest.json", f"files/{one.artifact_id}"]
    assert caller.get("/api/v1/models/walker/bundle?version=9.9.9").status_code == 404


@pytest.mark.parametrize(
    ("content", "query", "content_type", "status", "reason"),
    [
        (b"", "", ZIP, 422, "the body is empty"),
        (b"not a zip, and yet longer than its end", "", ZIP, 422, "no zip archive"),
        (b"{}", "", "application/json", 415, "application/json"),
        (b"x", "?classroom=999999", ZIP, 422, "a class that you teach"),
        (b"x", "?classroom=..%2f", ZIP, 422, "a class that you teach"),
        (b"x", "?rename=walker", ZIP, 422, "old:new"),
        (b"x", "?rename=a:b&rename=a:c", ZIP, 422, "old:new"),
    ],
)
def test_bad_uploads_are_refused_with_a_reason(
    caller, content, query, content_type, status, reason
):
    response = post(caller, content, query, content_type)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert reason in response.content.decode()
    assert not RegisteredModel.objects.exists()


def test_upload_that_is_too_large_stops_at_the_bound(caller, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    response = post(caller, b"x" * 3000)
    assert response.status_code == 413
    assert "1000 bytes" in response.json()["detail"]


def test_conflict_is_409_and_says_what_to_do(one, register, model, caller, bundle_bytes, wipe):
    wipe()
    register(model=RegisteredModel.objects.create(name="walker", system="town"), seed=5)
    RegisteredModel.objects.update(owner=None)
    response = post(caller, bundle_bytes)
    assert response.status_code == 409
    assert "another name" in response.json()["detail"]


@pytest.fixture
def bundle_bytes(one, caller) -> bytes:
    return fetch(caller, "/api/v1/models/walker/bundle")


def test_page_takes_a_bundle_and_says_what_came_in(bundle_bytes, instructor, wipe, client):
    wipe()
    client.force_login(instructor)
    page = client.get("/models/bundles/")
    assert "multipart/form-data" in page.content.decode()
    sent = SimpleUploadedFile("walker.zip", bundle_bytes, ZIP)
    response = client.post("/models/bundles/", {"bundle": sent, "classroom": "", "rename": ""})
    assert response.status_code == 201
    assert "walker 1.0.0" in response.content.decode()
    bad = SimpleUploadedFile("walker.zip", bundle_bytes[:-5], ZIP)
    response = client.post("/models/bundles/", {"bundle": bad})
    assert response.status_code == 422
    assert "was cut short" in response.content.decode()


def test_page_of_a_model_hands_the_bundle_out(one, student, outsider, client):
    client.force_login(student)
    assert fetch(client, "/models/walker/bundle/")[:2] == b"PK"
    client.force_login(outsider)
    assert client.get("/models/walker/bundle/").status_code == 404


# -- commands -----------------------------------------------------------------------------------


def run_command(name: str, *arguments: object) -> str:
    out = io.StringIO()
    call_command(name, *map(str, arguments), stdout=out)
    return out.getvalue()


def test_commands_carry_models_from_server_to_server(
    one, wipe, tmp_path: Path, instructor, classroom
):
    path = tmp_path / "models.zip"
    text = run_command("export_bundle", "walker", "--output", path)
    assert "walker: 1 versions" in text
    wipe()
    arguments = ("--owner", "instructor", "--classroom", classroom.name)
    text = run_command("import_bundle", path, *arguments)
    assert "imported    1 versions, 1 moves of aliases" in text
    assert RegisteredModel.objects.get().owner == instructor
    assert "unchanged" in run_command("import_bundle", path)
    assert "checked     1 files" in run_command("verify")


def test_commands_say_what_is_wrong(one, tmp_path: Path):
    path = tmp_path / "models.zip"
    run_command("export_bundle", "--all", "--output", path)
    for arguments, reason in (
        (("walker", "--output", path), "is there already"),
        (("--output", tmp_path / "x"), "Name models, or say --all"),
        (("nobody", "--output", tmp_path / "x"), "no model 'nobody'"),
        (("walker/7.0.0", "--output", tmp_path / "x"), "has no version '7.0.0'"),
    ):
        with pytest.raises(CommandError, match=reason):
            run_command("export_bundle", *arguments)
    assert not (tmp_path / "x").exists()
    path.write_bytes(path.read_bytes()[:-1])
    for arguments, reason in (
        ((path,), "Nothing was imported. .*cut short"),
        ((tmp_path / "missing.zip",), "cannot be read"),
        ((path, "--owner", "nobody"), "no active account"),
        ((path, "--classroom", "None such"), "no class named"),
        ((path, "--rename", "x"), "old:new"),
    ):
        with pytest.raises(CommandError, match=reason):
            run_command("import_bundle", *arguments)
