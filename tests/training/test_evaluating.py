"""manage.py evaluate: subjects from everywhere, the same episodes for all, and verdicts."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from hamlet.checkpoint import save_inference, save_training, training_header
from hamlet.learning.town_trainer import TownTrainer
from hamlet.runspec import RunSpec
from registry.artifacts.store import open_artifact
from registry.models import Checkpoint
from tests.learning.small_worlds import small_run
from tests.training.tiny_runs import BRAIN, TRAINING, queue_tiny
from training import execution, services
from training.models import Run

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir", "admin"),
]
SCRIPTS = {"random_legal", "idle", "rest_only", "heuristic"}


def evaluate(*arguments: str) -> str:
    out = StringIO()
    call_command("evaluate", "--episodes", "20", *arguments, stdout=out)
    return out.getvalue()


def numbers(*arguments: str) -> dict:
    return json.loads(evaluate(*arguments, "--json", "-"))


def executed(run: Run) -> Run:
    execution.execute(run.pk)
    run.refresh_from_db()
    assert run.status == "succeeded", run.reason
    return run


@pytest.fixture
def tiny(instructor) -> Run:
    """A run on a level of its own: at most 12 steps an episode."""
    return executed(queue_tiny(instructor))


def test_a_subject_is_the_same_wherever_it_comes_from(tiny: Run, tmp_path: Path) -> None:
    newest = Checkpoint.objects.filter(run_id=tiny.pk, kind="training").latest("at")
    file = tmp_path / "training.safetensors"
    file.write_bytes(open_artifact(newest.artifact))
    reports = [
        numbers(*wish)["reports"][0]
        for wish in (
            ["--run", str(tiny.pk)],
            ["--model", "town-tiny"],
            ["--model", "town-tiny@1.0.0"],
            ["--checkpoint", str(file)],
        )
    ]
    assert [report["judged"] for report in reports] == [
        f"run {str(tiny.pk)[:8]} (town-tiny 1.0.0)",
        "town-tiny 1.0.0",
        "town-tiny 1.0.0",
        "training.safetensors",
    ]
    results = [report["results"].pop(report["judged"]) for report in reports]
    assert results == [results[0]] * 4
    assert set(reports[0]["results"]) == SCRIPTS


def test_a_file_that_does_not_tell_its_level_is_refused(tmp_path: Path) -> None:
    trainer = TownTrainer(small_run("feedforward"))
    state, path = trainer.state_dict(), tmp_path / "hostile.safetensors"
    header = training_header(trainer.spec, trainer.inference_model(), state)
    spec = RunSpec.from_data({**trainer.spec.to_data(), "content": {}})
    header |= {"run_spec": spec.to_data(), "run_spec_hash": spec.hash}
    save_training(path, state, header)
    with pytest.raises(CommandError, match="level: found nothing; expected a mapping"):
        evaluate("--checkpoint", str(path))
    save_inference(path, trainer.inference_model(), {"level": "x" * 100_000})
    with pytest.raises(CommandError, match=r"level: found 'x+.*expected one of L0") as refused:
        evaluate("--checkpoint", str(path))
    assert len(str(refused.value)) < 500


def test_the_table_names_everybody_and_the_difference_to_each(tiny: Run) -> None:
    said = evaluate("--run", str(tiny.pk))
    assert "tiny, as it is: 20 episodes of at most 12 steps, seed 0" in said
    for name in SCRIPTS:
        assert said.count(name) == 2
    assert f"survival of run {str(tiny.pk)[:8]} (town-tiny 1.0.0) less that of" in said


def test_long_and_stages_add_a_table_each(tiny: Run) -> None:
    data = numbers("--run", str(tiny.pk), "--long", "--stages", "--episodes", "4")
    assert [report["setting"] for report in data["reports"]] == [
        "as it is",
        "long",
        *(f"stage {number}" for number in range(1, 6)),
    ]
    assert [report["max_steps"] for report in data["reports"]] == [12, 48, *[12] * 5]


def test_the_checkpoints_along_a_run(tiny: Run) -> None:
    report = numbers("--along", str(tiny.pk))["reports"][0]
    name = f"run {str(tiny.pk)[:8]}"
    assert report["trained"] == [f"{name} at {at}" for at in (10, 20, 30, 40)]
    assert list(report["results"]) == report["trained"]


def test_wrong_wishes_are_named(tiny: Run) -> None:
    for arguments, words in (
        ([], "Say what to evaluate"),
        (["--model", "nothing"], "There is no model 'nothing'"),
        (["--run", "ffffffff"], "No run's id begins with"),
        (["--run", "f"], "at least 4 characters"),
        (["--checkpoint", "/nowhere/at/all"], "nowhere|No such file"),
        (["--model", "town-tiny", "--level", "L1"], "trained on other observations"),
        (["--model", "town-tiny", "--level", "L9"], "expected one of"),
        (["--model", "town-tiny", "--episodes", "0"], "expected a whole number from 1 to"),
        (["--model", "town-tiny", "--model", "town-tiny"], "Two subjects have one name"),
        (["--model", "town-tiny", "--gate"], "found tiny; gates stand for"),
    ):
        with pytest.raises(CommandError, match=words):
            evaluate(*arguments)


def test_numbers_are_written_to_a_file(tiny: Run, tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    evaluate("--run", str(tiny.pk), "--json", str(path))
    assert json.loads(path.read_text())["reports"][0]["level"] == "tiny"


def test_a_shipped_level_is_judged_by_its_gates(instructor, tmp_path: Path) -> None:
    request = {"level": "L0", "brain": BRAIN, "training": TRAINING, "episodes": 2}
    run = executed(services.queue_run(instructor, request))
    file = tmp_path / "taken-home.safetensors"
    file.write_bytes(open_artifact(run.version.artifact))
    out, kept = StringIO(), tmp_path / "numbers.json"
    with pytest.raises(CommandError, match="1 gates are not met"):
        call_command(
            *("evaluate", "--checkpoint", str(file), "--episodes", "5", "--gate"),
            *("--json", str(kept)),
            stdout=out,
        )
    assert "NOT MET: at least the heuristic" in out.getvalue()
    data = json.loads(kept.read_text())
    assert [gate["met"] for gate in data["gates"]] == [False]
    # Energy 1.0 less 0.005 a step: dead at the 200th.
    idle = data["reports"][0]["results"]["idle"]["survival"]
    assert (idle["mean"], idle["low"], idle["high"]) == (200.0, 200.0, 200.0)
    assert data["reports"][0]["results"]["heuristic"]["reached_limit"]["mean"] == 1.0
