"""One private PostgreSQL and Valkey for each `pytest` invocation.

They start while `tests/conftest.py` is imported, before Django reads its settings; the workers of
pytest-xdist find them in the environment of the process that started them.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import shutil
import signal
import tempfile
from pathlib import Path

from hamletweb.embedded import postgres, valkey

HANDED_OVER = "HAMLET_TEST_SERVERS"


def prepare_environment() -> None:
    """Start the servers, unless a parent did, and point the settings of this process at them."""
    found = os.environ.get(HANDED_OVER)
    started_here = "PYTEST_XDIST_WORKER" not in os.environ or found is None
    servers = _start() if started_here else json.loads(found)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    data_dir = Path(servers["directory"]) / f"data{worker}"
    data_dir.mkdir(mode=0o700, exist_ok=True)
    # What is set in the terminal of whoever runs the tests must not change what they test.
    for name in [name for name in os.environ if name.startswith("HAMLET_")]:
        del os.environ[name]
    os.environ.update(
        {
            HANDED_OVER: json.dumps(servers),
            "DATABASE_URL": servers["database_url"],
            "REDIS_URL": f"{servers['redis_server']}/{_redis_database(worker)}",
            "HAMLET_DATA_DIR": str(data_dir),
            "HAMLET_SECRET_KEY": servers["secret_key"],
        }
    )


def _redis_database(worker: str) -> int:
    """0 for a plain run, 1 and up for gw0 and up: no worker sees the queues of another."""
    return int(worker.removeprefix("gw")) + 1 if worker else 0


def _start() -> dict[str, str]:
    directory = Path(tempfile.mkdtemp(prefix="hamlet-tests-"))
    database = postgres.EmbeddedPostgres(directory, postgres.NOT_DURABLE)
    broker = valkey.EmbeddedValkey(directory, valkey.NOT_DURABLE)
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # a forked child leaves them alone
            broker.stop()
            database.stop()
            shutil.rmtree(directory, ignore_errors=True)

    atexit.register(remove)
    # `timeout` and CI systems end a run with SIGTERM: then too nothing is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    database.start()
    broker.start()
    return {
        "directory": str(directory),
        "database_url": database.url,
        "redis_server": broker.url.rpartition("/")[0],
        "secret_key": secrets.token_urlsafe(60),
    }
