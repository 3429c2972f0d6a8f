"""What every test may ask for: real servers, real processes, people of every role.

Importing this file starts PostgreSQL and Valkey (about a second), before Django reads settings.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running.servers import prepare_environment

prepare_environment()

import django  # noqa: E402
from django.conf import settings as django_settings  # noqa: E402

if django_settings.configured:
    raise pytest.UsageError(
        "Django read its settings before the servers of the tests were started. "
        "Unset DJANGO_SETTINGS_MODULE and leave --ds out."
    )
os.environ["DJANGO_SETTINGS_MODULE"] = "hamletweb.settings"
django_settings.PASSWORD_HASHERS = ["tests.running.hashing.QuickHasher"]
# Its thread would write beside the transactions of the tests. Processes of the product log all.
django_settings.PREDICTION_LOG = "off"
django.setup()
# The workers of pytest-xdist inherit this environment. With the variable in it, pytest-django
# would read the settings there before this file has given the worker its own data and broker.
del os.environ["DJANGO_SETTINGS_MODULE"]

import redis  # noqa: E402
import torch  # noqa: E402
from django.test import TransactionTestCase  # noqa: E402

from registry.accounts.models import Classroom, Role, User  # noqa: E402
from tests.running import emptying, people  # noqa: E402
from tests.running.processes import PlatformProcess, start_web, start_worker  # noqa: E402
from tests.running.slow_budget import SlowBudget, budget_of  # noqa: E402

# As in the product's workers: processes that share cores wait for each other's threads.
torch.set_num_threads(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow-budget-s",
        type=float,
        default=None,
        help="seconds of slow tests for each worker; what does not fit is deselected and named",
    )


def _empty_tables(self: TransactionTestCase) -> None:
    emptying.empty_tables()


# Instead of Django's own `flush`, which takes far longer and leaves the same.
TransactionTestCase._fixture_teardown = _empty_tables


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SlowBudget(budget_of(config)), "slow-budget")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: object) -> None:
    """Once the migrations have run."""
    with django_db_blocker.unblock():
        emptying.note_roles()


@pytest.fixture
def artifact_dir() -> Path:
    """The artifact store, empty. Web server and workers of the tests use the same one."""
    path = Path(django_settings.ARTIFACT_DIR)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, mode=0o700)
    return path


@pytest.fixture
def redis_url() -> Iterator[str]:
    """This worker's own Valkey database, empty: broker, bus and cache of the test."""
    url = django_settings.REDIS_URL
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture
def classroom(db: None) -> Classroom:
    return people.make_classroom("Class of the tests")


@pytest.fixture
def student(classroom: Classroom) -> User:
    """A member of `classroom`; like all people here, `plain_password` holds the password."""
    return people.make_person("student", Role.STUDENT, classroom)


@pytest.fixture
def instructor(classroom: Classroom) -> User:
    """Teaches `classroom`."""
    return people.make_person("instructor", Role.INSTRUCTOR, classroom)


@pytest.fixture
def admin(db: None) -> User:
    """In the group admin, in no class, no superuser."""
    return people.make_person("admin", Role.ADMIN)


@pytest.fixture
def outsider(db: None) -> User:
    """A student of another class, who may see nothing of `classroom`."""
    return people.make_person("outsider", Role.STUDENT, people.make_classroom("Another class"))


@pytest.fixture
def celery_worker_process(
    transactional_db: None, redis_url: str, artifact_dir: Path, tmp_path: Path
) -> Iterator[Callable[..., PlatformProcess]]:
    """Start real Celery workers: `celery_worker_process("training.cpu", env={...})`.

    Each is ready when the call returns; all are stopped after the test.
    """
    workers: list[PlatformProcess] = []

    def start(queues: str = "default", **arguments: object) -> PlatformProcess:
        log = tmp_path / f"worker-{len(workers)}.log"
        workers.append(start_worker(queues, log, **arguments))
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()


@pytest.fixture(scope="session")
def _web_process(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], str]]:
    running: list[tuple[PlatformProcess, str]] = []

    def url() -> str:
        """Base URL of one web server for the whole session; a new one if a test killed it."""
        if not running or running[-1][0].process.poll() is not None:
            running.append(start_web(tmp_path_factory.mktemp("web") / "web.log"))
        return running[-1][1]

    yield url
    for process, _ in running:
        process.stop()


@pytest.fixture
def web_server(
    transactional_db: None,
    redis_url: str,
    artifact_dir: Path,
    _web_process: Callable[[], str],
) -> str:
    """Base URL of a real daphne that serves pages, API and sockets from the test database."""
    return _web_process()


@pytest.fixture
def chromium(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A Playwright `Browser`. One for each test: while it runs, so does its event loop, and Django
    would refuse the ORM; so the check is off as long, and no longer."""
    from tests.running.browser import running_chromium

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with running_chromium() as browser:
        yield browser
