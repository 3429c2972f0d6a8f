"""Each example is taken by exactly one run: whoever starts at once, whoever is killed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from hamlet.learning.connect_four.content import read_content
from hamlet.learning.connect_four.given_games import given_games
from hamlet.runspec import RunSpec
from hamletweb.celery import app
from registry.models import Classroom, ModelVersion, RegisteredModel, User
from tests.learning_on.material import examples, queued, register_of_type, whole_game
from tests.recovery.conftest import blocked
from tests.running.processes import PlatformProcess
from tests.training.runs import wait_until
from training import dispatch
from training.incremental import starting
from training.incremental.queries import due_queues
from training.inputs import files_of
from training.models import QueuedExamples, Run

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("few_are_enough", "artifact_dir"),
]
ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "hamletweb.settings", "HAMLET_INCREMENTAL_EXAMPLES": "4"}
START = """
import sys
import django
django.setup()
from training.incremental.starting import start_for
print("started", start_for(int(sys.argv[1]), ""))
"""


@pytest.fixture
def due(send, model: RegisteredModel, settings) -> RegisteredModel:
    """The model, with six examples that wait, which would be enough."""
    settings.INCREMENTAL_EXAMPLES = 100
    assert send(examples(3)).json()["queued"] == 3
    assert send(examples(3, first=3)).json()["queued"] == 6
    settings.INCREMENTAL_EXAMPLES = 4
    return model


def starts_at_once(count: int, model: RegisteredModel) -> list[Run]:
    """What that many schedulers start, each with a connection of its own."""
    found: list[Run] = []
    gate = threading.Barrier(count)

    def begin() -> None:
        try:
            gate.wait(30)
            if (run := starting.start_for(model.pk, "")) is not None:
                found.append(run)
        finally:
            connection.close()

    threads = [threading.Thread(target=begin) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return found


def taken_by(run: Run) -> list[int]:
    return list(run.taken_examples.order_by("pk").values_list("pk", flat=True))


def test_of_two_that_start_at_once_one_takes_them_all(due):
    with blocked("training_runevent") as somebody_waits:
        # The first has claimed and writes its run; the second must wait for its rows.
        made: list[Run] = []
        late = threading.Thread(target=lambda: made.extend(starts_at_once(2, due)))
        late.start()
        somebody_waits()
        wait_until(two_stand_still, what="the second one to wait for the first")
    late.join(120)
    assert len(made) == 1
    assert Run.objects.count() == 1
    assert taken_by(made[0]) == list(QueuedExamples.objects.values_list("pk", flat=True))
    assert queued(due) == 0


def two_stand_still() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0"
        )
        return cursor.fetchone()[0] >= 2


def test_what_comes_while_others_are_taken_waits_for_the_next_run(due, send, settings):
    with blocked("training_runevent") as somebody_waits:
        made: list[Run] = []
        first = threading.Thread(target=lambda: made.extend(starts_at_once(1, due)))
        first.start()
        somebody_waits()
        settings.INCREMENTAL_EXAMPLES = 100  # or it would wait for the first to claim them all
        assert send(examples(2, first=6)).status_code == 202
    first.join(120)
    assert len(made) == 1
    assert queued(due) == 2


def test_killed_between_claim_and_start_nothing_is_lost(due, tmp_path: Path):
    with blocked("training_runevent") as somebody_waits:
        killed = PlatformProcess(["-c", START, str(due.pk)], tmp_path / "killed.log", ENVIRONMENT)
        somebody_waits()  # its examples are claimed, its run is not there yet
        killed.kill_now()
    assert "started" not in killed.output()
    wait_until(lambda: not held_rows(), what="the server to notice")
    assert not Run.objects.exists()
    assert queued(due) == 6
    assert due_queues() == [(due, "")]
    run = starting.start_for(due.pk, "")
    assert run is not None
    assert len(taken_by(run)) == 2


def held_rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE relation = 'training_queuedexamples'::regclass "
            "AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]


def test_a_run_whose_message_was_lost_is_told_of_again(due, redis_url, tmp_path: Path):
    """As after kill -9 behind the commit: the run is there, and no worker knows of it."""
    nobody = ENVIRONMENT | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    process = PlatformProcess(["-c", START, str(due.pk)], tmp_path / "mute.log", nobody)
    process.wait_for_output("started")
    run = Run.objects.get()
    assert (queued(due), len(taken_by(run))) == (0, 2)
    assert dispatch.waiting_messages(run.queue) == 0
    Run.objects.update(queued_at=timezone.now() - dispatch.GRACE * 2)
    assert dispatch.send_lost_again() == 1


def test_a_worker_starts_what_was_left_behind(due, celery_worker_process):
    celery_worker_process("default,work", env={"HAMLET_INCREMENTAL_EXAMPLES": "4"})
    for _ in range(2):
        app.send_task("training.tasks.look_after_examples", queue="default")
    run = wait_until(Run.objects.first, what="the run")
    wait_until(lambda: queued(due) == 0)
    assert len(taken_by(run)) == 2
    assert Run.objects.count() == 1


@pytest.fixture
def planner(instructor: User, classroom: Classroom) -> ModelVersion:
    """A version that learns from whole games alone."""
    return register_of_type("muzero", instructor, classroom, "planner")


def test_whole_games_of_two_senders_stay_apart(planner, send, settings):
    """Both call their game the same, and both begin with the empty board."""
    one, other = whole_game("4343434", "g"), whole_game("1212121", "g")
    named = {"model": "planner", "base_version": "planner:1.0.0"}
    settings.INCREMENTAL_EXAMPLES = 14
    assert send(one, **named).json()["needed"] == 7
    run = Run.objects.get(pk=send(other, **named).json()["job_id"])
    content = read_content(RunSpec.from_data(run.spec))
    found = given_games(content, files_of(run), seed=0)
    learned = [len(game.moves) for game in found.games]
    assert learned in ([7], [7, 7])  # a game is held back as a whole, or learned as a whole
    assert sum(learned) + found.validating.sum() == 14


def test_loose_positions_are_refused_where_whole_games_are_needed(planner, send):
    answer = send(examples(2), model=None, base_version="planner:1.0.0")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/examples/0"
    assert "whole games" in answer.json()["errors"][0]["detail"]
