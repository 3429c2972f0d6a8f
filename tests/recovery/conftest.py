"""Real workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.running.processes import PlatformProcess
from tests.training.runs import wait_until

QUICK_HEART = {"HAMLET_RUN_HEARTBEAT_SECONDS": "0.2"}


@pytest.fixture
def worker(celery_worker_process: Callable[..., PlatformProcess]) -> Callable[..., PlatformProcess]:
    """Start a training worker whose heart beats quickly, so that it soon hears of wishes."""

    def start(**arguments: Any) -> PlatformProcess:
        env = QUICK_HEART | arguments.pop("env", {})
        return celery_worker_process("training.cpu", env=env, **arguments)

    return start


@contextmanager
def blocked(table: str) -> Iterator[Callable[[], None]]:
    """Let nobody write to a table: whoever tries stands still at that very statement.

    Gives a function that waits until somebody stands there.
    """
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=settings["NAME"],
    ) as blocker:
        blocker.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        pid = blocker.info.backend_pid

        def somebody_waits() -> bool:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))",
                    [pid],
                )
                return cursor.fetchone()[0] > 0

        yield lambda: wait_until(somebody_waits, what=f"somebody who writes to {table}")
