"""After a night: its version is proposed by an alias, and never put into service by itself."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from registry.aliases.services import move_alias, protect_alias
from registry.versions import execution as checking
from registry.versions import lifecycle
from registry.versions.models import VersionCheck, VersionStatus
from tests.learning_on.material import record
from tests.playing.boards import register_board_version
from training import execution
from training.models import Night, NightOutcome, Run, RunStatus
from training.retraining.deciding import decide
from training.retraining.proposing import settle_all

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("few_are_enough", "artifact_dir", "redis_url"),
]
NIGHT = date(2026, 11, 22)


@pytest.fixture
def night(model, classroom) -> Night:
    record(3, None, classroom)
    return decide(model, NIGHT)


@pytest.fixture
def made(night, instructor, classroom):
    """The version that the run of the night made, as its worker leaves it: not checked yet."""
    version = register_board_version(instructor, classroom, seed=9)
    end(night.run, RunStatus.SUCCEEDED, version=version)
    return version


def end(run: Run, status: RunStatus, **fields) -> None:
    Run.objects.filter(pk=run.pk).update(status=status, ended_at=timezone.now(), **fields)


def check(version, *, passed: bool, problem: str = "") -> None:
    VersionCheck.objects.filter(version=version).update(
        ended_at=timezone.now(), passed=passed, problem=problem
    )
    if passed:
        lifecycle.move(version, VersionStatus.VALIDATED)


def alias(model, name: str) -> str | None:
    found = model.aliases.filter(name=name).select_related("version").first()
    return found.version.number if found else None


def test_nothing_is_proposed_while_the_run_goes_on(night):
    assert settle_all() == []
    night.refresh_from_db()
    assert (night.outcome, night.settled_at) == (NightOutcome.TRAINING, None)


def test_a_version_is_proposed_once_it_is_checked_and_the_one_in_service_stays(night, made, model):
    assert settle_all() == []
    assert alias(model, "candidate") is None
    check(made, passed=True)
    assert settle_all() == [night]
    assert (alias(model, "candidate"), alias(model, "production")) == ("1.0.1", "1.0.0")
    night.refresh_from_db()
    assert (night.outcome, night.version) == (NightOutcome.PROPOSED, made)
    move = model.alias_moves.get(name="candidate")
    assert move.reason == "learned from 3 games, night of 2026-11-22"
    assert settle_all() == []


def test_a_version_that_fails_its_check_is_not_proposed(night, made, model):
    check(made, passed=False, problem="its outputs are not numbers")
    settle_all()
    night.refresh_from_db()
    assert night.outcome == NightOutcome.FAILED
    assert "its outputs are not numbers" in night.reason
    assert alias(model, "candidate") is None


def test_a_protected_candidate_stays_and_the_night_says_so(night, made, model, version):
    move_alias(model, "candidate", version)
    protect_alias(model, "candidate", True)
    check(made, passed=True)
    settle_all()
    night.refresh_from_db()
    assert (night.outcome, night.version) == (NightOutcome.FAILED, made)
    assert "protected" in night.reason
    assert alias(model, "candidate") == "1.0.0"


def test_a_failed_run_that_is_tried_again_is_proposed_after_all(
    night, model, instructor, classroom
):
    end(night.run, RunStatus.FAILED, reason="out of memory")
    settle_all()
    night.refresh_from_db()
    assert (night.outcome, night.reason) == (NightOutcome.FAILED, "its run failed: out of memory")
    Run.objects.update(status=RunStatus.QUEUED, ended_at=None)
    settle_all()
    night.refresh_from_db()
    assert (night.outcome, night.reason) == (NightOutcome.TRAINING, "")
    version = register_board_version(instructor, classroom, seed=9)
    end(night.run, RunStatus.SUCCEEDED, version=version)
    check(version, passed=True)
    assert settle_all() == [night]


def test_a_run_that_failed_long_ago_is_over(night):
    end(night.run, RunStatus.FAILED, reason="out of memory")
    Run.objects.update(ended_at=timezone.now() - timedelta(days=8))
    settle_all()
    assert Night.objects.get().settled_at is not None


@pytest.mark.parametrize("status", [RunStatus.CANCELLED, None])
def test_without_a_run_there_is_nothing_to_propose(night, status):
    if status is None:
        Run.objects.all().delete()
    else:
        end(night.run, status)
    settle_all()
    night.refresh_from_db()
    assert (night.outcome, night.settled_at is None) == (NightOutcome.FAILED, False)


@pytest.mark.slow(60)
@pytest.mark.django_db(transaction=True)
def test_from_games_to_a_proposal(model, classroom):
    """The whole way: real training on the games of the night, a real check of its version."""
    record(6, None, classroom)
    night = decide(model, NIGHT)
    execution.execute(night.run_id)
    night.refresh_from_db()
    assert night.run.status == RunStatus.SUCCEEDED, night.run.reason
    for waiting in VersionCheck.objects.filter(ended_at=None, version=night.run.version):
        checking.run_check(waiting.pk)
    assert settle_all() == [night]
    assert alias(model, "candidate") == night.run.version.number
    assert alias(model, "production") == "1.0.0"
