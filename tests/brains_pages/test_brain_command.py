"""`manage.py brain check` and `brain diff`."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from registry.models import BrainSpec
from registry.services import save_brain_spec
from tests.registry.checkpoints import DENSE, WIDER

pytestmark = pytest.mark.django_db


def say(*words: str) -> str:
    out = StringIO()
    call_command("brain", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "brain.yaml"
    path.write_text(DENSE)
    return path


def test_good_file_shows_its_layers(file):
    out = say("check", str(file), "--level", "L1")
    assert "town L1: 989 inputs, 8 actions, 8,008 parameters" in out
    assert "body.0  Linear     8       7,920" in out
    assert not BrainSpec.objects.exists()


def test_faults_are_named_with_their_lines(file):
    file.write_text(DENSE.replace("[8]", "[8.5]"))
    with pytest.raises(CommandError, match=r"line 5, architecture.feedforward.hidden_layers\[0\]"):
        say("check", str(file))


def test_level_and_file_that_are_not_there_are_refused(file, tmp_path):
    with pytest.raises(CommandError, match="L9"):
        say("check", str(file), "--level", "L9")
    with pytest.raises(CommandError, match="neither the name"):
        say("check", str(tmp_path))


def test_difference_of_a_file_and_a_kept_one(file, instructor):
    save_brain_spec("wider", WIDER, instructor)
    out = say("diff", str(file), "wider")
    assert "architecture.feedforward.hidden_layers: [8] | [9]" in out
    assert "-  feedforward: {hidden_layers: [8]}" in out
    assert "Both mean the same" in say("diff", "wider", "wider")
