"""`manage.py predict`: the reply as the API gives it, or the next thing to try."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from hamlet.model import HamletModel
from registry.aliases.services import move_alias
from registry.artifacts.store import open_artifact
from tests.registry.checkpoints import RECURRENT, observation

pytestmark = pytest.mark.usefixtures("admin", "redis_url")


@pytest.fixture
def predict(tmp_path):
    def run(name: str, content: object, *arguments: str) -> dict:
        file = tmp_path / "input.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        out = io.StringIO()
        call_command("predict", name, "--input", str(file), *arguments, stdout=out)
        return json.loads(out.getvalue())

    return run


def test_command_prints_what_the_version_answers(register, predict, model, instructor):
    version = register()
    move_alias(model, "best", version, instructor)
    home = HamletModel.load_from_checkpoint(open_artifact(version.artifact))
    obs = observation(home)
    for name in ("walker", "walker@best", "walker/1.0.0", "walker:1.0.0"):
        answer = predict(name, {"observation": obs})
        assert answer["outputs"]["q_values"] == [home.predict(obs)["q_values"].tolist()]
    assert answer["version"] == "1.0.0"
    assert answer["request_id"]


def test_command_keeps_a_session(register, predict):
    home = HamletModel.load_from_checkpoint(open_artifact(register(brain=RECURRENT).artifact))
    asked = {"observation": observation(home)}
    steps = [predict("walker", asked, "--session", "a")["session"]["steps"] for _ in range(2)]
    assert steps == [1, 2]
    anew = predict("walker", asked, "--session", "a", "--session-reset")
    assert anew["session"]["steps"] == 1


def test_input_comes_from_a_pipe(register, monkeypatch):
    register()
    content = json.dumps({"observation": [0.0] * 38}).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    out = io.StringIO()
    call_command("predict", "walker", "--input", "-", stdout=out)
    assert json.loads(out.getvalue())["model"] == "walker"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("nobody", {}, "no model 'nobody'"),
        ("walker@worst", {}, "latest, 1.0.0"),
        ("walker", {"observation": [0.0]}, "expected 38"),
        ("walker", "{", "Expected one as in"),
        ("walker", "[]", "found no mapping"),
    ],
)
def test_what_cannot_be_asked_says_what_to_try(register, predict, name, content, words):
    register()
    with pytest.raises(CommandError) as refused:
        predict(name, content)
    assert words in str(refused.value)


def test_missing_file_says_what_to_name(register):
    register()
    with pytest.raises(CommandError, match="standard input"):
        call_command("predict", "walker", "--input", "/nowhere/input.json")
