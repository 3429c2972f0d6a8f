"""PostgreSQL, Valkey and one web process of our own, in a temporary folder."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks.machine import ROOT
from hamletweb.embedded import postgres, valkey
from hamletweb.embedded.process import dies_with_parent, free_port

START_TIMEOUT_S = 120.0
POLL_S = 0.1


class Site:
    """Context manager. Inside, this process's Django speaks to the new database; `serve()` starts
    the web process on it. Everything is deleted after.

    Attributes:
        url: of the web server; empty before `serve()`.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hamlet-benchmark-"))
        self.database = postgres.EmbeddedPostgres(self.folder)
        self.broker = valkey.EmbeddedValkey(self.folder, valkey.NOT_DURABLE)
        self.web: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Site:
        try:
            self.database.start()
            self.broker.start()
            self._set_environment()
            import django

            django.setup()
            from django.core.management import call_command

            call_command("migrate", verbosity=0)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.web is not None:
            self.web.kill()
            self.web.wait()
        self.broker.stop()
        self.database.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _set_environment(self) -> None:
        # What is set in this terminal must not change what is measured.
        for name in [name for name in os.environ if name.startswith("HAMLET_")]:
            del os.environ[name]
        os.environ.update(
            {
                "DATABASE_URL": self.database.url,
                "REDIS_URL": self.broker.url,
                "HAMLET_DATA_DIR": str(self.folder),
                "HAMLET_SECRET_KEY": secrets.token_urlsafe(60),
                "HAMLET_LOG_LEVEL": "WARNING",
                "DJANGO_SETTINGS_MODULE": "hamletweb.settings",
            }
        )

    def serve(self) -> str:
        """Start one web process as `manage.py up` does. Returns: its URL."""
        port = free_port(None)
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "hamletweb.bounded_daphne", "-b", "127.0.0.1"]
        with open(self.folder / "web.log", "wb") as log:
            self.web = subprocess.Popen(
                [*command, "-p", str(port), "hamletweb.asgi:application"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one prctl
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self.web.poll() is not None or time.monotonic() > deadline:
                words = (self.folder / "web.log").read_text()[-2000:]
                raise SystemExit(f"The web process did not start:\n{words}")
            time.sleep(POLL_S)
        return self.url

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
