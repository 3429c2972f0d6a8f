"""Tournaments small enough to be played in a test, and people who start them."""

from __future__ import annotations

import pytest

from registry.jobs import execution, services
from registry.jobs.models import Job
from registry.models import User
from tests.games.conftest import Program
from tests.jobs.rows import WORKER
from training.games.models import Game
from training.league import playing

TOURNAMENTS, LEAGUE = "/api/v1/tournaments", "/api/v1/league"


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


def body(*players, games: int = 4, **rest) -> dict:
    return {
        "players": list(players) or ["random", "one_ply"],
        "games_per_pair": games,
        "seed": 7,
        **rest,
    }


def queued(user: User, *players, **rest) -> Job:
    return services.queue_job(user, body(*players, **rest), kind=playing.NAME)[0]


def done(job: Job) -> Job:
    execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    return job


def played(job: Job) -> list[tuple[int, str, str, bytes]]:
    found = Game.objects.filter(origin=job.pk).order_by("number")
    return [(game.number, game.red_name, game.yellow_name, bytes(game.moves)) for game in found]
