"""The wheel holds hamlet alone, and with torch, numpy, safetensors and PyYAML it works."""

import zipfile

import pytest
import torch

from hamlet import __version__
from hamlet.checkpoint import save_inference
from tests.brains.layouts import TINY
from tests.checkpoints.files import model_of
from tests.packaging.wheels import ROOT, build_wheel, run_alone, unpack

THREE_LINES = """
from hamlet.model import HamletModel
model = HamletModel.load_from_checkpoint("agent.safetensors")
print(model.predict([0.25] * 164)["actions"].item())
"""

IMPORT_EVERYTHING = """
import importlib, pkgutil, hamlet
assert "site-packages" not in hamlet.__file__, hamlet.__file__
for found in pkgutil.walk_packages(hamlet.__path__, "hamlet."):
    try:
        importlib.import_module(found.name)
    except ModuleNotFoundError as error:
        print(found.name, error.name)
"""
SHIPPED = (".py", ".yaml", ".md", ".txt", ".book", ".json", ".safetensors", ".zip")
# What the extra `games` is for; all else works without it.
OF_GAMES = (
    "hamlet.compiled",
    "hamlet.datasets",
    "hamlet.envs.connect_four",
    "hamlet.evaluation.connect_four",
    "hamlet.evaluation.reachable",
    "hamlet.learning.connect_four",
    "hamlet.learning.ensemble_weights",
    "hamlet.learning.replica",
    "hamlet.learning.shared_batch",
    "hamlet.learning.supervised",
    "hamlet.search",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def library(wheel, tmp_path_factory):
    return unpack(wheel, tmp_path_factory.mktemp("library"))


def test_the_wheel_holds_hamlet_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    info = f"hamlet-{__version__}.dist-info/"
    assert {name.split("/")[0] + "/" for name in names} == {"hamlet/", info}
    inside = {name for name in names if not name.startswith(info)}
    expected = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "hamlet").rglob("*")
        if path.suffix in SHIPPED and "__pycache__" not in path.parts
    }
    assert inside == expected


def test_the_wheel_asks_for_four_packages_and_says_its_licence(library):
    text = (library / f"hamlet-{__version__}.dist-info" / "METADATA").read_text()
    lines = text.splitlines()
    required = [line.split(": ")[1] for line in lines if line.startswith("Requires-Dist")]
    plain = {line.split(">=")[0] for line in required if "extra ==" not in line}
    assert plain == {"torch", "numpy", "safetensors", "PyYAML"}
    assert "License-Expression: Apache-2.0" in lines
    assert "# hamlet" in lines


def test_three_lines_predict_with_nothing_but_the_wheel_and_its_needs(library, tmp_path):
    model = model_of()
    save_inference(tmp_path / "agent.safetensors", model)
    expected = model.predict(torch.full((TINY.size,), 0.25))["actions"].item()
    assert run_alone(THREE_LINES, library, tmp_path).split() == [str(expected)]


def test_only_wrappers_and_games_miss_something_there(library, tmp_path):
    missed = dict(
        line.split() for line in run_alone(IMPORT_EVERYTHING, library, tmp_path).splitlines()
    )
    games = {module for module in missed if module.startswith(OF_GAMES)}
    assert {missed[module] for module in games} <= {"numba", "gymnasium", "pettingzoo"}
    wrappers = missed.keys() - games
    assert all(".gym" in module for module in wrappers), missed
    assert {missed[module] for module in wrappers} <= {"gymnasium"}
