"""`manage.py tournament`: plays here or waits, prints ratings, names faults."""

from __future__ import annotations

import threading
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from registry.jobs.models import Job
from registry.models import User
from tests.league.conftest import done
from tests.training.runs import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def printed(*words: str, user: User) -> list[str]:
    out = StringIO()
    call_command("tournament", *words, "--user", user.username, stdout=out)
    return out.getvalue().splitlines()


def test_a_tournament_is_played_here(instructor: User) -> None:
    lines = printed(
        *("--player", "random", "--player", "one_ply", "--games-per-pair", "6", "--seed", "3"),
        "--here",
        user=instructor,
    )
    job = Job.objects.get()
    assert lines[0] == f"job {job.pk} is queued"
    assert lines[1].split()[:3] == ["place", "player", "rating"]
    assert [line.split()[0] for line in lines[2:]] == ["1", "2"]
    assert {line.split()[1] for line in lines[2:]} == {"random", "one_ply"}
    assert job.request["seed"] == 3


def test_a_tournament_of_a_worker_is_waited_for(instructor: User) -> None:
    def work() -> None:
        wait_until(Job.objects.exists)
        done(Job.objects.get())
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        lines = printed(
            "--player", "random", "--player", "one_ply", "--games-per-pair", "2", user=instructor
        )
    finally:
        worker.join()
    assert len(lines) == 4


def test_faults_are_named(instructor: User) -> None:
    with pytest.raises(CommandError, match=r"players\[1\].name: found 'minmax'"):
        printed("--player", "random", "--player", "minmax", user=instructor)
    with pytest.raises(CommandError, match="games_per_pair"):
        printed(
            *("--player", "random", "--player", "minimax", "--games-per-pair", "3"),
            user=instructor,
        )
    with pytest.raises(CommandError, match="no such version|There is no|not"):
        printed("--player", "random", "--player", "no/1.0.0", user=instructor)
    assert not Job.objects.exists()
