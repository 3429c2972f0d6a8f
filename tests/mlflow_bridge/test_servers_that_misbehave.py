"""Servers that are away, that are none of MLflow, or that mean harm."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command

from hamletweb.embedded.process import free_port
from registry.artifacts.models import Artifact
from registry.mlflow_bridge import connection as connections
from registry.models import RegisteredModel

pytestmark = pytest.mark.django_db
needs_mlflow = pytest.mark.skipif(
    find_spec("mlflow") is None, reason="MLflow is an extra: requirements-mlflow.txt"
)
MODEL = {"registered_model": {"name": "walker", "aliases": [{"alias": "best", "version": "1"}]}}
VERSION = {"model_version": {"name": "walker", "version": "1", "status": "READY", "run_id": "r"}}
VERSIONS = {"model_versions": [VERSION["model_version"]]}
ONNX = b"flavors: {onnx: {data: model.onnx}}"


class Liar(ThreadingHTTPServer):
    """Answers as a test says, by the last part of the address or the artifact's path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[str] = []
        self.answers: dict[str, Any] = {
            "registered-models/get": MODEL,
            "model-versions/get": VERSION,
            "model-versions/search": VERSIONS,
            "runs/get": {"run": {}},
            "MLmodel": ONNX,
        }


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = parse_qs(parts.query).get("path", [""])[0]
        asked = path or "/".join(parts.path.split("/")[-2:])
        self.server.asked.append(asked)
        answer = self.server.answers.get(asked, (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}))
        status, said = answer if isinstance(answer, tuple) else (200, answer)
        self.send_response(status)
        if isinstance(said, str):
            self.send_header("Location", said)
        self.end_headers()
        try:
            if callable(said):
                said(self.wfile)
            elif not isinstance(said, str):
                self.wfile.write(said if isinstance(said, bytes) else json.dumps(said).encode())
        except OSError:
            pass  # the other side has had enough

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def liar() -> Iterator[Liar]:
    with Liar() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_patience(monkeypatch, admin, artifact_dir):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    yield
    assert not RegisteredModel.objects.filter(name="walker", versions__isnull=False).exists()
    assert not Artifact.objects.exists()


def take(url: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command("mlflow_import", *(arguments or ("walker",)), "--tracking-uri", url, stdout=out)
    return out.getvalue()


@needs_mlflow
def test_server_that_is_away_is_named_without_its_password():
    port = free_port(None)
    with pytest.raises(CommandError) as error:
        take(f"http://me:hidden@127.0.0.1:{port}/")
    assert str(error.value) == (
        f"http://127.0.0.1:{port} cannot be reached: nobody listens there. "
        "Is the server running, the address right?"
    )


@pytest.mark.parametrize(
    "url", ["sqlite:///x.db", "file:///etc", "databricks", "http://", "http://h:x", "http://h/?a=b"]
)
def test_address_of_no_server_is_refused(url):
    with pytest.raises(CommandError, match="expected that of an MLflow server"):
        take(url)


@needs_mlflow
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"<html>hello</html>", "answers, but not as an MLflow server does"),
        (b"[1]", "answers, but not as an MLflow server does"),
        ((401, b"who?"), "Set MLFLOW_TRACKING_USERNAME"),
        ((302, "http://127.0.0.1:1/elsewhere"), "sends you elsewhere"),
        ((404, b"<html>"), r"refuses \(404\): it does not say why"),
        ((500, {"message": "no \x1b[31mdatabase"}), r"refuses \(500\): no  \[31mdatabase"),
        ({"registered_model": {"name": "other"}}, "answers of another model"),
    ],
)
def test_what_no_mlflow_server_says_is_an_error_that_says_so(liar, answer, words):
    liar.answers["registered-models/get"] = answer
    with pytest.raises(CommandError, match=words):
        take(liar.url)
    assert liar.asked == ["registered-models/get"]


@needs_mlflow
def test_file_without_an_end_is_cut_off(liar, monkeypatch):
    sent = []

    def endless(stream):
        while True:
            sent.append(stream.write(b"\x08" * 65_536))

    monkeypatch.setattr("registry.mlflow_bridge.fetching.MOST_FILE_BYTES", 2**20)
    liar.answers["model.onnx"] = endless
    with pytest.raises(CommandError, match="more than 1048576 bytes came"):
        take(liar.url)
    assert sum(sent) < 64 * 2**20
    liar.answers["MLmodel"] = endless
    with pytest.raises(CommandError, match="more than 65536 bytes came"):
        take(liar.url)


@needs_mlflow
def test_answer_that_never_ends_is_cut_off(liar, monkeypatch):
    monkeypatch.setattr(connections, "MOST_ANSWER_BYTES", 2**20)

    def endless(stream):
        while True:
            stream.write(b" " * 65_536)

    liar.answers["registered-models/get"] = endless
    with pytest.raises(CommandError, match="more than 1048576 bytes came"):
        take(liar.url)


@needs_mlflow
@pytest.mark.parametrize(
    ("mlmodel", "words"),
    [
        (b"flavors: {onnx: {data: ../../etc/passwd}}", "expected a plain path below it"),
        (b"flavors: &a {onnx: *a}", "anchors and aliases"),
        (b"flavors: !!python/object/apply:os.system [id]", "the tag .* is not allowed"),
        (b"\x80\x04K\x01.", "is none that MLflow writes"),
        (b"metadata: {hamlet: {format: hamlet-mlflow-1}}", "hamlet.json|refuses|says"),
    ],
)
def test_mlmodel_that_means_harm_is_refused_before_any_model_file_is_asked_for(
    liar, mlmodel, words
):
    liar.answers["MLmodel"] = mlmodel
    with pytest.raises(CommandError, match=words):
        take(liar.url)
    assert not {"model.onnx", "../../etc/passwd"} & set(liar.asked)


@needs_mlflow
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x80\x04cos\nsystem\n(S'true'\ntR.", "cannot be parsed"),
        (b"PK\x03\x04" + b"\0" * 100, "cannot be parsed"),
        (b"\x08\x0a", "no graph of operators"),
        (b"", "the file is empty"),
    ],
)
def test_file_that_is_no_onnx_goes_nowhere(liar, content, words):
    liar.answers["model.onnx"] = content
    with pytest.raises(CommandError, match=words):
        take(liar.url, "walker/1")


@needs_mlflow
def test_versions_without_end_are_not_all_asked_for(liar):
    many = [VERSION["model_version"]] * 200
    liar.answers["model-versions/search"] = {"model_versions": many, "next_page_token": "more"}
    with pytest.raises(CommandError, match="has more than 2000 versions"):
        take(liar.url)
    assert liar.asked.count("model-versions/search") == 11


def test_without_mlflow_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(CommandError, match=r"pip install -r requirements-mlflow\.txt"):
        take("http://127.0.0.1:1")


def test_mlflow_is_imported_by_nothing_but_a_conversation_with_a_server():
    code = (
        "import sys, django; django.setup(); "
        "import registry.mlflow_bridge.importing, registry.mlflow_bridge.exporting; "
        "import registry.management.commands.mlflow_import; "
        "assert 'mlflow' not in sys.modules"
    )
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "hamletweb.settings"}
    subprocess.run([sys.executable, "-c", code], check=True, env=env, timeout=60)
