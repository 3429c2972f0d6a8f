"""People, their programs, and games to learn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from registry.jobs import execution
from registry.jobs.models import Job
from registry.models import User
from tests.games.conftest import GAMES, Program
from tests.games.records import RED_WINS, YELLOW_WINS, record, searched
from tests.jobs.rows import WORKER

DATASETS = "/api/v1/datasets"


@pytest.fixture(autouse=True)
def servers(redis_url: str, artifact_dir: object, settings) -> None:
    # Else every Client() looks through all static files anew, which takes longer than the test.
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def teacher(instructor: User) -> Program:
    return Program(instructor)


@pytest.fixture
def games(teacher: Program) -> list[dict[str, Any]]:
    """Three games of the instructor's, one of them with what a search found."""
    sent = [
        searched(RED_WINS, id="red", timestamp="2026-01-01T00:00:00Z"),
        record(YELLOW_WINS, winner="Yellow", id="yellow", timestamp="2026-01-02T00:00:00Z"),
        record("4" * 6 + "3" * 6, winner="Red", id="resigned", timestamp="2026-01-03T00:00:00Z"),
    ]
    sent[2]["result"]["reason"] = "resignation"
    return [teacher.send(GAMES, one).json() for one in sent]


@pytest.fixture
def done() -> Callable[[Any], Job]:
    """Do the job that an answer speaks of, as a worker does."""

    def do(response: Any) -> Job:
        assert response.status_code == 202, response.content
        job = Job.objects.get(pk=response.json()["job_id"])
        execution.execute(job.pk, WORKER)
        job.refresh_from_db()
        return job

    return do
