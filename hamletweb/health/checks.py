"""What has to be there before a request can be answered, and before work gets done.

The texts are public: they say what is wrong, never an address, a user or a password. Those stand
in the log.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from registry.hosts import workers

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """One finding. Without a `needed` one this process cannot serve and must get no requests;
    the others say what does not get done meanwhile."""

    name: str
    ok: bool
    needed: bool
    text: str

    def to_data(self) -> dict[str, object]:
        return asdict(self)


def run_checks() -> list[Check]:
    """All checks, none of which raises or waits longer than a few seconds."""
    database = check_database()
    # What would only repeat that the database is away is left out.
    later = [check_migrations()] if database.ok else []
    return [database, *later, check_broker(), check_artifacts(), *check_workers()]


def check_database() -> Check:
    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    return _tried("database", ask, "the database answers", "the database does not answer")


def check_migrations() -> Check:
    return _tried("migrations", require_migrations, "all migrations are applied", "migrations")


@cache
def require_migrations() -> None:
    """Once all are applied they stay so for this code: the tables are not read at each probe.

    Raises: _MissingError, which is not kept.
    """
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise _MissingError(f"{len(missing)} are missing: run `manage.py migrate`")


def check_broker() -> Check:
    return _tried(
        "broker", workers.client().ping, "Valkey answers", "Valkey (or Redis) does not answer"
    )


def check_artifacts() -> Check:
    def write() -> None:
        directory = Path(settings.ARTIFACT_DIR)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"ready")

    return _tried(
        "artifacts", write, "model files can be written", "the artifact directory is not writable"
    )


def check_workers() -> list[Check]:
    """One check for each queue that something must serve."""
    try:
        heard, all_heard = workers.heard_workers(), workers.all_heard()
    except redis.RedisError:
        return []  # the broker's own check says so
    served = {queue for worker in heard for queue in worker.queues}
    training = any(queue.startswith("training.") for queue in served)
    found = {
        "training": training,
        "default": "default" in served,
        "inference": "inference" in served,
    }
    return [
        Check(
            f"worker:{kind}",
            ok,
            needed=False,
            text=f"a worker serves {kind}" if ok else unheard(kind, all_heard),
        )
        for kind, ok in found.items()
    ]


def unheard(kind: str, all_heard: bool) -> str:
    if all_heard:
        return f"no worker for {kind} was heard of in the last {workers.HEARD_WITHIN_S:.0f} s"
    return f"no worker for {kind} has spoken since Valkey was emptied, a few seconds ago"


class _MissingError(Exception):
    """Its text is ours and may be shown."""


def _tried(name: str, attempt: Callable[[], object], good: str, bad: str) -> Check:
    try:
        attempt()
    except _MissingError as error:
        return Check(name, ok=False, needed=True, text=f"{bad}: {error}")
    except (DatabaseError, redis.RedisError, OSError) as error:
        logger.warning("%s: %s", bad, error)
        return Check(name, ok=False, needed=True, text=bad)
    return Check(name, ok=True, needed=True, text=good)
