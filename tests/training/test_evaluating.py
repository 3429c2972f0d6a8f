"""manage.py evaluate: subjects from everywhere, the same episodes for all, and verdicts."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from registry.artifacts.store import open_artifact
from tests.training.tiny_runs import BRAIN, TRAINING, queue_tiny
from training import execution, services
from training.models import Run

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir", "admin"),
]


def evaluate(*arguments: str) -> str:
    out = StringIO()
    call_command("evaluate", "--episodes", "20", *arguments, stdout=out)
    return out.getvalue()


def numbers(*arguments: str) -> dict:
    return json.loads(evaluate(*arguments, "--json", "-"))


@pytest.fixture
def trained(instructor) -> Run:
    """A few episodes of the shipped L0: the agent of a beginner."""
    run = services.queue_run(
        instructor, {"level": "L0", "brain": BRAIN, "training": TRAINING, "episodes": 4}
    )
    execution.execute(run.pk)
    run.refresh_from_db()
    assert run.status == "succeeded"
    return run


@pytest.fixture
def file(trained: Run, tmp_path: Path) -> Path:
    path = tmp_path / "taken-home.safetensors"
    path.write_bytes(open_artifact(trained.version.artifact))
    return path


def test_a_subject_is_the_same_wherever_it_comes_from(trained: Run, file: Path) -> None:
    found = [
        numbers("--run", str(trained.pk)),
        numbers("--model", "town-L0"),
        numbers("--model", "town-L0@1.0.0"),
        numbers("--checkpoint", str(file)),
    ]
    survival = [
        report["results"][report["judged"]]["survival"]
        for data in found
        for report in data["reports"]
    ]
    assert survival == [survival[0]] * 4
    scripts = {"random_legal", "idle", "rest_only", "heuristic"}
    assert set(found[0]["reports"][0]["results"]) - {found[0]["reports"][0]["judged"]} == scripts


def test_an_idle_agent_of_l0_lives_two_hundred_steps(trained: Run) -> None:
    # Energy 1.0 less 0.005 a step: dead at the 200th.
    report = numbers("--run", str(trained.pk))["reports"][0]
    idle = report["results"]["idle"]["survival"]
    assert (idle["mean"], idle["low"], idle["high"]) == (200.0, 200.0, 200.0)
    assert report["results"]["heuristic"]["reached_limit"]["mean"] == 1.0


def test_the_table_names_everybody_and_the_difference_to_each(trained: Run) -> None:
    said = evaluate("--run", str(trained.pk))
    assert "L0, as it is: 20 episodes of at most 1000 steps, seed 0" in said
    for name in ("random_legal", "idle", "rest_only", "heuristic"):
        assert said.count(name) == 2
    assert f"survival of run {str(trained.pk)[:8]} (town-L0 1.0.0) less that of" in said


def test_a_gate_that_is_not_met_is_shown_and_fails_the_command(trained: Run) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="1 gates are not met"):
        call_command("evaluate", "--run", str(trained.pk), "--episodes", "20", "--gate", stdout=out)
    assert "NOT MET: at least the heuristic" in out.getvalue()


def test_long_and_stages_add_a_table_each(trained: Run) -> None:
    data = numbers("--run", str(trained.pk), "--long", "--stages", "--episodes", "4")
    assert [report["setting"] for report in data["reports"]] == [
        "as it is",
        "long",
        *(f"stage {number}" for number in range(1, 6)),
    ]
    assert data["reports"][1]["max_steps"] == 4000


def test_the_checkpoints_along_a_run(instructor) -> None:
    run = queue_tiny(instructor)
    execution.execute(run.pk)
    report = numbers("--along", str(run.pk))["reports"][0]
    name = f"run {str(run.pk)[:8]}"
    assert report["trained"] == [f"{name} at {at}" for at in (10, 20, 30, 40)]
    assert list(report["results"]) == report["trained"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Say what to evaluate"),
        (["--model", "nothing"], "There is no model 'nothing'"),
        (["--run", "ffffffff"], "No run's id begins with"),
        (["--run", "f"], "at least 4 characters"),
        (["--checkpoint", "/nowhere/at/all"], "nowhere|No such file"),
        (["--model", "town-L0", "--level", "L1"], "trained on other observations"),
        (["--model", "town-L0", "--level", "L9"], "expected one of"),
        (["--model", "town-L0", "--episodes", "0"], "expected 1 to"),
        (["--model", "town-L0", "--model", "town-L0"], "Two subjects have one name"),
    ],
)
def test_a_wrong_wish_is_named(trained: Run, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        evaluate(*arguments)


def test_a_level_of_ones_own_has_no_gates(instructor) -> None:
    run = queue_tiny(instructor)
    execution.execute(run.pk)
    with pytest.raises(CommandError, match="found tiny; gates stand for"):
        evaluate("--run", str(run.pk), "--gate")


def test_numbers_are_written_to_a_file(trained: Run, tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    evaluate("--run", str(trained.pk), "--json", str(path))
    assert json.loads(path.read_text())["reports"][0]["level"] == "L0"
