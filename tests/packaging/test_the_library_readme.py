"""The library's README: every line of Python in it runs as written."""

import re

import pytest
import torch

from hamlet import __version__
from hamlet.checkpoint import save_inference
from tests.brains.layouts import TINY
from tests.checkpoints.files import model_of
from tests.packaging.wheels import ROOT

README = (ROOT / "hamlet" / "README.md").read_text()


@pytest.mark.parametrize("family", ["dueling", "recurrent_spatial"])
def test_the_python_of_the_readme_runs_as_written(family, tmp_path, monkeypatch, capsys):
    save_inference(tmp_path / "agent.safetensors", model_of(family))
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) >= 4
    row = torch.zeros(TINY.size)
    given = {
        "observation": row,
        "first": row,
        "second": row,
        "observations": torch.zeros(3, TINY.size),
        "ended": [True, False, False],
    }
    for block in blocks:
        exec(block, given)
    assert given["answer"]["q_values"].shape == (8,)
    assert given["agent"].hidden is None
    assert '"inputs"' in capsys.readouterr().out


def test_the_readme_names_the_wheel_of_this_version():
    assert f"hamlet-{__version__}-py3-none-any.whl" in README
