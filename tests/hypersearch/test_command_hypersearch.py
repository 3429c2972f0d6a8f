"""`manage.py hypersearch`: waits for workers, prints what was found, names faults."""

from __future__ import annotations

import threading
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from hamlet.schema import read_yaml
from registry.jobs.models import Job
from registry.models import User
from tests.games.conftest import Program
from tests.hypersearch.conftest import done, keep_dataset
from tests.training.runs import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = (
    *("--dataset", "sunday", "--set", "model_type=alphazero", "--set", "epochs=1"),
    *("--set", "advanced_config={num_res_blocks: 1, channels: 8}", "--num-samples", "2"),
)


def printed(*words: str, user: User) -> list[str]:
    out = StringIO()
    call_command("hypersearch", *words, "--user", user.username, stdout=out)
    return out.getvalue().splitlines()


def test_a_search_of_workers_is_waited_for(teacher: Program, instructor: User) -> None:
    keep_dataset(teacher)

    def work() -> None:
        try:
            done(wait_until(Job.objects.filter(kind="hypersearch").first))
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        tried = "learning_rate={uniform: [0.001, 0.1]}"
        lines = printed(*WORDS, "--try", tried, "--model", "tuned", user=instructor)
    finally:
        worker.join()
    job = Job.objects.get(kind="hypersearch")
    assert lines[0].startswith(f"search {job.pk} is queued")
    assert lines[1].startswith("best of 2 trials: trial ")
    assert lines[1].endswith("registered as tuned 1.0.0")
    assert read_yaml("\n".join(lines[2:])) == job.result["best_config"]


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        ("learning_rate", "expected path=values"),
        ("learning_rate={uniform: [1", "cannot be read"),
        ("learning_rate={uniform: [2, 1]}", "search_space.learning_rate.uniform: found"),
    ],
)
def test_faults_are_named(teacher: Program, instructor: User, tried: str, words: str) -> None:
    keep_dataset(teacher)
    with pytest.raises(CommandError, match=words):
        printed(*WORDS, "--try", tried, user=instructor)
    assert not Job.objects.filter(kind="hypersearch").exists()
