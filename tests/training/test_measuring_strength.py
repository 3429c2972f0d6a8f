"""manage.py strength: how a model plays against perfect play."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from registry.models import ModelVersion
from tests.playing.boards import register_board_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(admin, artifact_dir) -> ModelVersion:
    return register_board_version(admin, None, "learner")


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("strength", *arguments, stdout=out)
    return out.getvalue()


def test_mistakes_are_counted_alone_and_with_a_search(version, tmp_path: Path):
    file = tmp_path / "strength.json"
    text = said(
        *("learner", "--simulations", "0", "8", "--sets", "end-easy", "--json", str(file)),
    )
    alone, searched = text.split("learner 1.0.0, 8 simulations")
    assert "learner 1.0.0, the network alone" in alone
    results = json.loads(file.read_text())["results"]
    assert [result["simulations"] for result in results] == [0, 8]
    for printed, result in zip((alone, searched), results, strict=True):
        wdl = result["sets"]["end-easy"]["all"]["wdl"]
        assert f"{100 * wdl['mean']:.1f} [{100 * wdl['low']:.1f}" in printed
    assert results[0]["sets"] != results[1]["sets"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "nobody"),
        (["learner@9.0.0"], "9.0.0"),
        (["learner", "--sets", "end-esy"], "found set 'end-esy'"),
        (["learner", "--simulations", "-1"], "found -1; expected a whole number"),
        (["learner", "--simulations", "many"], "found many"),
    ],
)
def test_what_cannot_be_measured_is_refused(version, arguments, words):
    with pytest.raises(CommandError, match=words):
        said(*arguments)


def test_a_model_of_another_system_is_refused(version):
    type(version.model).objects.filter(pk=version.model.pk).update(system="town")
    with pytest.raises(CommandError, match="plays town, not Connect Four"):
        said("learner")
