"""A registered version to ask, and real workers that do jobs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kombu.exceptions import ChannelError

from registry.hosts import queues
from registry.jobs import services
from registry.jobs.models import Job
from registry.models import ModelVersion, RegisteredModel, User
from registry.services import ensure_model
from tests.jobs.rows import body_of, register
from tests.running.processes import PlatformProcess, start_worker

QUICK = {"HAMLET_JOB_HEARTBEAT_SECONDS": "0.2", "HAMLET_JOB_CHUNK_ROWS": "4"}


@pytest.fixture
def model(instructor: User, classroom: object, artifact_dir: object) -> RegisteredModel:
    return ensure_model("walker", "town", instructor, classroom)


@pytest.fixture
def version(model: RegisteredModel, redis_url: str) -> ModelVersion:
    """Registered, and without the message that would let a worker check it first."""
    made = register(model)
    with queues.current_app.connection_for_write() as broker:
        for queue in queues.QUEUES:
            with contextlib.suppress(ChannelError):
                broker.default_channel.queue_purge(queue)
    return made


@pytest.fixture
def job(version: ModelVersion, student: User) -> Job:
    """A queued job of the student with ten rows."""
    return services.queue_job(student, body_of(10))[0]


@pytest.fixture
def worker(
    transactional_db: None, redis_url: str, artifact_dir: object, tmp_path: Path
) -> Iterator[Callable[..., PlatformProcess]]:
    """Start a worker for jobs whose heart beats quickly and that does four rows at a time.

    `worker(name="one")` twice: the same worker, started anew. All are ended after the test.
    """
    running: list[PlatformProcess] = []

    def start(
        queues: str = "inference", *, name: str = "one", env: dict[str, str] | None = None, **rest
    ) -> PlatformProcess:
        log = tmp_path / f"{name}.log"
        log.unlink(missing_ok=True)
        running.append(start_worker(queues, log, env=QUICK | (env or {}), **rest))
        return running[-1]

    yield start
    for process in running:
        process.kill_now()


@pytest.fixture(autouse=True)
def no_search_for_static_files(settings):
    # Else every Client() looks through all static files anew, which takes longer than the test.
    settings.WHITENOISE_AUTOREFRESH = True
