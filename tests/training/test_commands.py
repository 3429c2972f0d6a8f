"""manage.py train, runs and run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.running.processes import ROOT, platform_environment
from tests.training.runs import make_run, wait_until
from training.models import Run, RunStatus


def said(*arguments: str, **options: object) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db
def test_train_queues_what_was_asked_for(instructor, tmp_path: Path) -> None:
    brain = tmp_path / "brain.yaml"
    brain.write_text("architecture: {type: feedforward, feedforward: {hidden_layers: [8]}}\n")
    out = said(
        *("train", "town", "--level", "L0.5", "--brain", str(brain), "--episodes", "12"),
        *("--seed", "3", "--set", "training.num_envs=2", "--set", "training.epsilon.decay=1e-1"),
        *("--user", "instructor", "--name", "From the shell"),
    )
    run = Run.objects.get()
    assert f"run {run.pk} is queued: From the shell" in out
    assert (run.owner, run.level, run.total, run.spec["seed"]) == (instructor, "L0.5", 12, 3)
    content = run.spec["content"]
    assert content["brain"]["architecture"]["feedforward"]["hidden_layers"] == [8]
    assert (content["training"]["num_envs"], content["training"]["epsilon"]["decay"]) == (2, 0.1)
    assert run.model.name == "town-L0-5"


@pytest.mark.django_db
def test_train_without_a_user_takes_the_first_admin(admin) -> None:
    said("train", "town", "--level", "L0")
    assert Run.objects.get().owner == admin


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--level", "L9"], "level: found 'L9'; expected one of"),
        (["--level", "L0", "--seed", "-1"], "seed: found -1"),
        (["--level", "L0", "--set", "training.num_envs=many"], "training.num_envs: found 'many'"),
        (["--level", "L0", "--set", "novalue"], "expected path=value"),
        (["--level", "L0", "--set", "a..b=1"], "expected path=value"),
        (["--level", "L0", "--set", "training=1", "--set", "training.x=2"], "was set to a value"),
        (["--level", "L0", "--set", "seed.x=1", "--seed", "1"], "given as a whole"),
        (["--level", "L0", "--set", "seed=!!python/object:x"], "cannot be read"),
        (["--level", "L0", "--brain", "/nowhere/brain.yaml"], "/nowhere/brain.yaml cannot be read"),
        (["--level", "L0", "--user", "nobody"], "There is no user 'nobody'"),
        (["--level", "L0", "--device", "tpu"], "device: found 'tpu'"),
        ([], "level: missing"),
    ],
)
def test_train_names_what_is_wrong_and_starts_nothing(admin, arguments, words: str) -> None:
    with pytest.raises(CommandError, match=words.replace("(", r"\(")):
        said("train", "town", *arguments)
    assert not Run.objects.exists()


@pytest.mark.django_db
def test_train_of_an_unknown_system_and_without_accounts() -> None:
    with pytest.raises(CommandError, match="There is no admin yet"):
        said("train", "town", "--level", "L0")


@pytest.mark.django_db
def test_runs_lists_the_newest_first(instructor) -> None:
    assert "There is no such run" in said("runs")
    make_run(owner=instructor, name="older", done=7)
    make_run(owner=instructor, name="newer", status=RunStatus.FAILED)
    lines = said("runs").splitlines()
    assert lines[0].split()[:3] == ["run", "status", "progress"]
    assert [line.split()[-1] for line in lines[1:]] == ["newer", "older"]
    assert "7/500 episode" in lines[2]
    assert said("runs", "--status", "queued").count("\n") == 2
    with pytest.raises(CommandError, match="expected 1 to"):
        said("runs", "--limit", "0")


@pytest.mark.django_db
def test_run_steers_by_the_beginning_of_the_id(run: Run) -> None:
    short = str(run.pk)[:8]
    assert "is paused" in said("run", "pause", short)
    assert "is queued" in said("run", "resume", short)
    assert "is cancelled" in said("run", "cancel", short)
    with pytest.raises(CommandError, match="a cancelled run cannot become paused"):
        said("run", "pause", short)
    with pytest.raises(CommandError, match="No run's id begins with 'ffffffff'"):
        said("run", "pause", "ffffffff")
    with pytest.raises(CommandError, match="at least 4 characters"):
        said("run", "pause", "f")


def listens_to_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Following:
    """`manage.py train ... --follow` in a process of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "train", "town", "--level", "L0", "--follow"],
            cwd=ROOT,
            env=platform_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell starts what runs in the background with Ctrl-C switched off.
            preexec_fn=listens_to_ctrl_c,  # noqa: PLW1509 - one call
        )
        self.run = wait_until(Run.objects.first, what="the run")

    def ends(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.mark.django_db(transaction=True)
def test_following_a_run_that_fails_ends_with_its_reason(admin, redis_url: str) -> None:
    following = Following()
    Run.objects.update(status=RunStatus.FAILED, reason="The disk is full.")
    code, out, err = following.ends()
    assert code == 1
    assert f"run {following.run.pk} is queued" in out
    assert "The run failed: The disk is full." in err


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_leaves_the_run_alone_and_says_so(admin, redis_url: str) -> None:
    following = Following()
    assert following.process.stdout.readline().startswith("run ")
    os.kill(following.process.pid, signal.SIGINT)
    code, _, err = following.ends()
    assert code == 130
    assert "goes on without you" in err
    assert f"manage.py run cancel {following.run.pk}" in err
    following.run.refresh_from_db()
    assert following.run.status == RunStatus.QUEUED


@pytest.mark.django_db(transaction=True)
def test_following_a_run_to_its_end_tells_the_version(admin, redis_url: str) -> None:
    following = Following()
    Run.objects.update(status=RunStatus.SUCCEEDED, done=500)
    code, out, _ = following.ends()
    assert code == 0
    assert "succeeded at episode 500 of 500" in out
