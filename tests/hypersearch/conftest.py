"""Searches small enough to be done in a test."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from registry.jobs import execution as jobs
from registry.jobs import services
from registry.jobs.models import Job, JobStatus
from registry.models import Classroom, User
from tests.games.conftest import GAMES, Program
from tests.games.records import RED_WINS, YELLOW_WINS, record
from tests.jobs.rows import WORKER
from training import execution as runs
from training.hypersearch import searching
from training.models import Run, RunStatus

SEARCHES = "/api/v1/hypersearch"
# Whoever is to move wins in column 4, or loses it; loose positions, far from each other.
BOARDS = ("112233", "221133", "4", "44", "445", "4455", "1", "7", "17", "171", "5", "55", "3", "33")
EXAMPLES = [
    {"board": {"board": board}, "move": 3, "value": 1 - index % 3, "game_id": f"game {index}"}
    for index, board in enumerate(BOARDS)
]
CONFIG = {
    "model_type": "alphazero",
    "epochs": 2,
    "batch_size": 4,
    "validation_split": 0.3,
    "advanced_config": {"num_res_blocks": 1, "channels": 8},
}
SPACE = {
    "learning_rate": {"loguniform": [0.0001, 0.1]},
    "advanced_config.channels": {"choice": [4, 8]},
}


@pytest.fixture(autouse=True)
def servers(redis_url: str, artifact_dir: object, settings) -> None:
    # Else every Client() looks through all static files anew, which takes longer than the test.
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def program(student: User) -> Program:
    return Program(student)


@pytest.fixture
def teacher(instructor: User) -> Program:
    return Program(instructor)


def body(**more: Any) -> dict[str, Any]:
    return {
        "examples": EXAMPLES,
        "config": CONFIG,
        "search_space": SPACE,
        "num_samples": 3,
        "seed": 5,
        "name": "tuning",
        "model": "tuned",
        **more,
    }


def queued(user: User, classroom: Classroom | None = None, **more: Any) -> Job:
    if classroom is not None:
        more["classroom"] = classroom.name
    return services.queue_job(user, body(**more), kind=searching.NAME)[0]


def look(job: Job) -> Job:
    """A worker looks at the search now, whether it is due or not."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_job SET queued_at = now() WHERE id = %s", [job.pk])
    jobs.execute(job.pk, WORKER)
    job.refresh_from_db()
    return job


def runs_of(job: Job) -> list[Run]:
    keys = f"hypersearch-{job.pk}-"
    found = Run.objects.filter(idempotency_key__startswith=keys)
    return sorted(found, key=lambda run: int(run.name.rpartition(".")[2]))


def learn(job: Job) -> None:
    """A worker for runs does what waits of the search."""
    for run in runs_of(job):
        if run.status == RunStatus.QUEUED:
            runs.execute(run.pk)


def done(job: Job) -> Job:
    """The search from its first look to its end."""
    while not look(job).ended:
        learn(job)
    return job


def succeeded(job: Job) -> Job:
    done(job)
    assert job.status == JobStatus.SUCCEEDED, job.reason
    return job


def keep_dataset(teacher: Program) -> None:
    """The dataset `sunday`, of three games of the teacher's."""
    for moves, winner in ((RED_WINS, "Red"), (YELLOW_WINS, "Yellow"), (mirrored(RED_WINS), "Red")):
        assert teacher.send(GAMES, record(moves, winner=winner)).status_code == 201
    response = teacher.send("/api/v1/datasets", {"name": "sunday"})
    assert response.status_code == 202, response.content
    jobs.execute(Job.objects.get(pk=response.json()["job_id"]).pk, WORKER)


def mirrored(moves: str) -> str:
    return "".join(str(8 - int(column)) for column in moves)
