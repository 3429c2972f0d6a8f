"""TorchScript files: for C++, and for Python without hamlet."""

import json
import subprocess
import sys

import pytest
import torch

from hamlet.export import ExportError, export_torchscript
from hamlet.signature import Signature
from tests.exporting.models import FAMILIES, TWO_LAYERS, model_of, observations

# In a process of its own, since loading is to need nothing of ours.
ALONE = """
import sys, torch
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "hamlet":
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
net = torch.jit.load(sys.argv[1])
actions, q_values = net(torch.zeros(5, 164), torch.ones(5, 8, dtype=torch.bool))
print(q_values[4].tolist())
"""


@pytest.mark.parametrize("family", FAMILIES)
def test_parity_reaches_the_goal(family, tmp_path):
    report = export_torchscript(model_of(family), tmp_path / "net.pt")
    assert report.format == "torchscript"
    assert report.opset is None
    assert report.parity.reaches_goal
    assert report.path.stat().st_size == report.size_bytes


def test_inputs_go_by_position_and_outputs_come_as_a_tuple(tmp_path):
    model = model_of("recurrent_spatial", **TWO_LAYERS)
    export_torchscript(model, tmp_path / "net.pt")
    net = torch.jit.load(tmp_path / "net.pt")
    obs, mask = observations(4), torch.ones(4, 8, dtype=torch.bool)
    first = net(obs, mask, torch.zeros(2, 4, 6), torch.zeros(2, 4, 6))
    second = net(obs, mask, first[2], first[3])
    expected = model.predict(obs, model.predict(obs)["hidden"])
    assert torch.allclose(second[1], expected["q_values"], atol=1e-6)
    assert second[0].tolist() == expected["actions"].tolist()


def test_the_signature_is_inside(tmp_path):
    model = model_of("dueling")
    export_torchscript(model, tmp_path / "net.pt")
    files = {"signature.json": ""}
    torch.jit.load(tmp_path / "net.pt", _extra_files=files)
    assert Signature.from_data(json.loads(files["signature.json"])) == model.signature()


def test_it_is_loaded_without_hamlet(tmp_path):
    model = model_of("feedforward")
    export_torchscript(model, tmp_path / "net.pt")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE, tmp_path / "net.pt"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = model.predict(torch.zeros(164))["q_values"]
    assert torch.allclose(torch.tensor(json.loads(done.stdout)), expected, atol=1e-6)


def test_numbers_that_are_no_answer_are_no_export(tmp_path):
    model = model_of("feedforward", architecture__feedforward__layer_norm=False)
    with torch.no_grad():
        model.network.head.weight.fill_(3e38)
        model.network.body[0].bias.fill_(1e10)
    with pytest.raises(ExportError, match="cannot be compared: inputs: numbers so large that"):
        export_torchscript(model, tmp_path / "net.pt")
    assert not list(tmp_path.iterdir())
