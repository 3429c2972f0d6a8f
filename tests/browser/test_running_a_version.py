"""A version runs in the browser: in its own page, and from the printed module on a page at home."""

from __future__ import annotations

import http.server
import re
import threading
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import expect

from registry.artifacts.store import store_file
from registry.services import ensure_model
from registry.versions.services import register_version
from tests.registry.checkpoints import RECURRENT, checkpoint_bytes
from tests.registry.exported import export_onnx_of

VENDORED = Path(__file__).resolve().parents[2] / "static" / "vendor" / "onnxruntime-web"


@pytest.fixture
def version(transactional_db, instructor, classroom, artifact_dir, request):
    """With an ONNX file of it."""
    brain = {"brain": request.param} if getattr(request, "param", None) else {}
    artifact = store_file(checkpoint_bytes(**brain), "application/vnd.safetensors")
    model = ensure_model("walker", "town", instructor, classroom)
    version = register_version(model=model, artifact=artifact, user=instructor)
    export_onnx_of(version)
    return version


@pytest.mark.parametrize("version", [None, RECURRENT], ids=["dense", "recurrent"], indirect=True)
def test_page_runs_the_version_and_the_server_says_the_same(visits, version, student):
    page = visits.open(student)
    page.goto(version.get_absolute_url())
    page.get_by_role("button", name="with random numbers").click()
    says = page.locator("#run-here [role=status]")
    expect(says).to_contain_text("The server's answer differs by", timeout=60_000)
    difference = float(re.search(r"differs by ([0-9.e+-]+) \(relative\)", says.inner_text())[1])
    assert difference <= 1e-5
    expect(page.locator("#run-here pre")).to_contain_text("q_values:")


@pytest.mark.parametrize("version", [None, RECURRENT], ids=["dense", "recurrent"], indirect=True)
def test_printed_module_runs_on_a_page_at_home(visits, version, student, chromium, tmp_path):
    page = visits.open(student)
    page.goto(version.get_absolute_url())
    script = page.locator("#javascript").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="ONNX (").click()
    download.value.save_as(tmp_path / download.value.suggested_filename)
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (tmp_path / name).symlink_to(VENDORED / name)
    (tmp_path / "index.html").write_text(
        '<link rel="icon" href="data:,"><script type="module" src="mine.js"></script>'
    )
    (tmp_path / "mine.js").write_text(script)
    serve = partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        home = chromium.new_page()
        with home.expect_console_message(timeout=60_000) as message:
            home.goto(f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
    assert re.fullmatch(r"actions \d", message.value.text), message.value.text


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass
