"""The lines on a version's page are run as they are printed."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from hamlet.model import HamletModel
from registry.accounts.models import Scope
from registry.accounts.services import issue_token
from tests.registry.checkpoints import RECURRENT

REPOSITORY = Path(__file__).resolve().parents[2]
# As at home: whatever of the platform is imported, the program ends.
WITHOUT_DJANGO = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"django", "registry", "training", "live", "hamletweb"}:
            raise ImportError(f"{name} is not there at home")
sys.meta_path.insert(0, Refuse())
"""


def printed(page: str, block_id: str) -> str:
    found = re.search(rf'<pre id="{block_id}">(.*?)</pre>', page, re.DOTALL)
    return html.unescape(found.group(1))


@pytest.mark.django_db
@pytest.mark.parametrize("brain", [None, RECURRENT])
def test_three_lines_answer_beside_the_downloaded_file(register, student, tmp_path, brain):
    version = register(brain=brain)
    client = Client()
    client.force_login(student)
    download = client.get(reverse("registry:version-download", args=["walker", "1.0.0"]))
    name = re.search(r'filename="([^"]+)"', download["Content-Disposition"]).group(1)
    content = download.getvalue()
    (tmp_path / name).write_bytes(content)
    lines = printed(client.get(version.get_absolute_url()).content.decode(), "three-lines")
    assert len(lines.splitlines()) == 3
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_DJANGO + lines],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = HamletModel.load_from_checkpoint(content).predict([0.0] * 38)
    assert str(expected["actions"]) in done.stdout


@pytest.mark.usefixtures("artifact_dir")
def test_curl_line_gets_an_answer_from_a_real_server(web_server, register, student):
    version = register()
    _, secret = issue_token(student, "curl", [Scope.PREDICT])
    client = Client()
    client.force_login(student)
    host = web_server.removeprefix("http://")
    page = client.get(version.get_absolute_url(), headers={"Host": host}).content.decode()
    done = subprocess.run(
        ["/bin/bash", "-c", printed(page, "curl-line") + " --silent --show-error --fail"],
        env={"PATH": os.environ["PATH"], "HAMLET_TOKEN": secret},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["version"] == "1.0.0"
    assert len(answer["outputs"]["q_values"][0]) == 8
