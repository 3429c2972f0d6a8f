"""What `up` finds or makes in the database before anybody opens a page."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from hamlet.shipped import CONNECT_FOUR
from hamletweb.supervisor.first_steps import FIRST_RUN, take_first_steps
from registry.accounts.models import ApiToken, Classroom, Role, User
from registry.accounts.services import find_token, issue_token, renew_join_code, revoke_token
from registry.models import RegisteredModel
from registry.services import ensure_model
from tests.running.processes import ROOT, platform_environment
from training.models import Run, RunStatus

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def used_before(request) -> None:
    """A platform with a model brings none of its own, which would take seconds."""
    if "new_platform" not in request.fixturenames:
        ensure_model("there-already", "town", None, None)


@pytest.fixture
def new_platform(artifact_dir) -> None:
    """Nobody has registered anything."""


def test_a_new_platform_has_a_trained_opponent_that_its_class_may_play(new_platform) -> None:
    steps = take_first_steps(None)
    assert steps.notes[-1] == f"registered a trained opponent: {CONNECT_FOUR}"
    model = RegisteredModel.objects.get(name=CONNECT_FOUR)
    assert (model.owner.username, model.classroom) == (Role.INSTRUCTOR, Classroom.objects.get())
    version = model.versions.get()
    assert version.lineage["run_spec"]["seed"] == 1
    assert version.lineage["run_spec"]["content"]["level"] == "alphazero-long"
    assert take_first_steps(None).notes == []


def test_empty_platform_gets_people_a_class_a_key_and_a_run() -> None:
    steps = take_first_steps(None)
    assert set(steps.accounts) == {role.value for role in Role}
    for name, password in steps.accounts.items():
        assert User.objects.get(username=name).check_password(password)
    assert steps.classroom["join_code"].replace("-", "") == Classroom.objects.get().join_code
    run = Run.objects.get()
    assert (run.status, run.system, run.level) == (RunStatus.QUEUED, "town", FIRST_RUN["level"])
    assert run.owner.username == Role.INSTRUCTOR
    assert run.classroom == Classroom.objects.get()
    assert find_token(steps.api_key).user.username == Role.ADMIN
    assert steps.notes == [f"queued a first run: {run.name} ({run.level})"]


def test_second_start_makes_nothing_and_keeps_the_key() -> None:
    first = take_first_steps(None)
    second = take_first_steps(first.api_key)
    assert second.api_key == first.api_key
    assert (second.accounts, second.classroom, second.notes) == (None, None, [])
    assert (User.objects.count(), Run.objects.count(), ApiToken.objects.count()) == (3, 1, 1)


def test_first_passwords_are_kept_until_they_are_changed() -> None:
    first = take_first_steps(None)
    known = (first.accounts, first.classroom)
    assert take_first_steps(first.api_key, *known).valid_accounts == first.accounts
    changed = User.objects.get(username="instructor")
    changed.set_password("chosen by herself")
    changed.save()
    User.objects.filter(username="student").update(is_active=False)
    later = take_first_steps(first.api_key, *known)
    assert later.valid_accounts == {"admin": first.accounts["admin"]}
    assert later.valid_classroom == first.classroom


def test_class_is_kept_with_the_code_that_opens_it_now() -> None:
    first = take_first_steps(None)
    renew_join_code(Classroom.objects.get())
    later = take_first_steps(first.api_key, None, first.classroom)
    assert later.valid_classroom["name"] == first.classroom["name"]
    code = Classroom.objects.get().spelled_code
    assert later.valid_classroom["join_code"] == code != first.classroom["join_code"]
    Classroom.objects.all().delete()
    assert take_first_steps(first.api_key, None, first.classroom).valid_classroom is None


def test_key_that_opens_nothing_any_more_is_replaced_and_the_old_one_closed() -> None:
    first = take_first_steps(None)
    revoke_token(find_token(first.api_key))
    second = take_first_steps(first.api_key)
    assert second.api_key != first.api_key
    third = take_first_steps("hw_lost")
    assert find_token(second.api_key) is None, "two keys of `make up` never stand open"
    assert find_token(third.api_key) is not None


def test_key_of_somebody_else_or_with_fewer_scopes_is_not_kept(instructor, admin) -> None:
    _, of_instructor = issue_token(instructor, "mine", ["read", "predict", "train", "manage"])
    _, narrow = issue_token(admin, "narrow", ["read"])
    for known in (of_instructor, narrow):
        found = take_first_steps(known).api_key
        assert found != known
        assert find_token(found).user == admin
        assert find_token(known) is not None, "keys of people are theirs"


def test_platform_with_people_but_no_admin_starts_without_a_key(instructor) -> None:
    steps = take_first_steps(None)
    assert steps.api_key is None
    assert steps.accounts is None
    assert "there is no active admin, so up.json holds no API key" in steps.notes
    assert Run.objects.get().owner == instructor


def test_platform_where_nobody_teaches_starts_without_a_run(student, admin) -> None:
    steps = take_first_steps(None)
    assert steps.notes == ["nobody teaches a class yet, so no first run was queued"]
    assert not Run.objects.exists()


def test_two_first_starts_at_once_make_one_set(transactional_db, redis_url, artifact_dir) -> None:
    command = [sys.executable, "manage.py", "prepare"]
    running = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=platform_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    found = []
    for process in running:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        found.append(json.loads(output))
    assert sorted(steps["accounts"] is None for steps in found) == [False, True]
    assert (User.objects.count(), Run.objects.count(), Classroom.objects.count()) == (3, 1, 1)


def test_prepare_refuses_what_it_cannot_read(monkeypatch) -> None:
    from django.core.management import CommandError, call_command

    monkeypatch.setattr(sys, "stdin", io.StringIO("[]"))
    with pytest.raises(CommandError, match='expected {"api_key": ...}'):
        call_command("prepare")
