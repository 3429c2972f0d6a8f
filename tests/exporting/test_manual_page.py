"""The manual's page on files: its Python runs as printed, from the top to the bottom."""

import re

import pytest

from hamlet.checkpoint import save_inference
from hamlet.onnx_operators import NEWEST_OPSET, OLDEST_OPSET
from registry.versions.inspecting import MOST_FILE_BYTES, inspect_file
from tests.exporting.models import model_of
from tests.packaging.wheels import ROOT

PAGE = (ROOT / "docs" / "manual" / "exporting.md").read_text()


@pytest.mark.parametrize("family", ["dueling", "recurrent_spatial"])
def test_its_python_runs_as_printed(family, tmp_path, monkeypatch, capsys):
    model = model_of(family)
    save_inference(tmp_path / "agent.safetensors", model)
    monkeypatch.chdir(tmp_path)
    given = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(blocks) == 8
    for block in blocks:
        exec(block, given)
    printed = capsys.readouterr().out
    assert re.search(r"agent.onnx: onnx \(opset 18\), \d+ bytes; parity over 9 cases", printed)
    assert "'MEDITATE'" in printed
    assert given["answer"].outputs["q_values"].shape == (2, 8)
    assert len(given["hidden"]) == (2 if family == "recurrent_spatial" else 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("agent.onnx", "agent.pt", "agent.safetensors", "made.safetensors")
    ]
    assert inspect_file(tmp_path / "made.safetensors").metadata == {"from": "another program"}


def test_the_limits_it_names_are_those_in_force():
    assert f"opset {OLDEST_OPSET} to {NEWEST_OPSET}" in PAGE
    assert f"up to {MOST_FILE_BYTES // 2**20} MiB" in PAGE
