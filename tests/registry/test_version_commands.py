"""`register`, `export`, `move_alias` and `live_at` on the command line."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from registry.models import ModelVersion
from tests.registry.checkpoints import checkpoint_bytes

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_file_is_registered_moved_to_and_asked_for(admin, artifact_dir, tmp_path):
    for seed in range(2):
        path = tmp_path / f"{seed}.safetensors"
        path.write_bytes(checkpoint_bytes(seed=seed))
        assert run("register", "walker", str(path), "--tags", '{"team": "red"}') == (
            f"walker/1.0.{seed}\n"
        )
    assert ModelVersion.objects.first().card.tags == {"team": "red"}
    assert run("move_alias", "walker@best", "1.0.0") == "walker@best names 1.0.0\n"
    then = json.loads(run("live_at", "walker", "--json"))["at"]
    run("move_alias", "walker@best", "1.0.1", "--reason", "longer walks")
    now, before = run("live_at", "walker"), run("live_at", "walker", "--at", then)
    assert [line.split()[:2] for line in now.splitlines()] == [
        ["best", "1.0.1"],
        ["latest", "1.0.1"],
    ]
    assert before.splitlines()[0].split()[:2] == ["best", "1.0.0"]
    assert "No alias of walker" in run("live_at", "walker", "--at", "2020-01-01T00:00:00Z")


def test_file_is_checked_at_once_where_that_is_asked(admin, artifact_dir, tmp_path):
    path = tmp_path / "walker.safetensors"
    path.write_bytes(checkpoint_bytes())
    assert run("register", "walker", str(path), "--check") == "walker/1.0.0\nvalidated\n"
    assert "names 1.0.0" in run("move_alias", "walker@production", "1.0.0")


def test_version_is_written_for_another_engine_with_its_parity(register, admin, tmp_path):
    register()
    output = tmp_path / "w.onnx"
    text = run("export", "walker@latest", "--output", str(output))
    assert f"{output}: {output.stat().st_size} bytes" in text
    assert "goal 1e-05 reached" in text
    with pytest.raises(CommandError, match="is there already"):
        run("export", "walker", "--output", str(output))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "jumper"], "There is no model 'jumper'. Newest: walker"),
        (["export", "walker/9.0.0"], "no version '9.0.0'. Newest: 1.0.0"),
        (["export", "walker@best"], "no alias 'best'. There are: latest"),
        (["live_at", "walker", "--at", "yesterday"], "expected a time such as"),
        (["move_alias", "walker@latest", "1.0.0"], "moves by itself"),
        (["move_alias", "walker@a b", "1.0.0"], "beginning with a letter"),
        (["register", "walker", "/nowhere"], "cannot be read"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(register, admin, arguments, words):
    register()
    with pytest.raises(CommandError, match=words):
        run(*arguments)
