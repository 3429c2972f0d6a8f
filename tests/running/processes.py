"""Real processes against the test database: Celery workers and the web server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from hamletweb.embedded.process import dies_with_parent, free_port

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 90.0
POLL_S = 0.05


class PlatformProcess:
    """A process of the product, in a process group of its own; its words are in `log`."""

    def __init__(self, arguments: list[str], log: Path, env: dict[str, str] | None = None) -> None:
        self.log = log
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=platform_environment() | (env or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one prctl
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for_output(self, text: str, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until the process has said `text`; its whole log is in the error if it does not."""
        deadline = time.monotonic() + timeout_s
        while text not in self.output():
            ended = self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                why = f"ended with {self.process.returncode}" if ended else "said nothing of it"
                raise AssertionError(f"waited for {text!r}, process {why}:\n{self.output()}")
            time.sleep(POLL_S)

    def terminate(self) -> None:
        """Ask it to end, as `up` does at Ctrl-C."""
        self.process.terminate()

    def kill_now(self) -> None:
        """kill -9 of the process and its children, as a power cut would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout_s: float = 20.0) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill_now()


def platform_environment() -> dict[str, str]:
    """The environment of this process, pointed at the *test* database and this test's files."""
    from django.conf import settings
    from django.db import connection

    database = connection.settings_dict
    return os.environ | {
        "DATABASE_URL": (
            f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:"
            f"{database['PORT']}/{database['NAME']}"
        ),
        "REDIS_URL": settings.REDIS_URL,
        "HAMLET_ARTIFACT_DIR": str(settings.ARTIFACT_DIR),
        "PYTHONUNBUFFERED": "1",
    }


def start_worker(
    queues: str, log: Path, *, concurrency: int = 1, pool: str = "prefork", env=None
) -> PlatformProcess:
    """Start `celery worker` on these queues and wait until it takes tasks."""
    worker = PlatformProcess(
        [
            *("-m", "celery", "-A", "hamletweb", "worker", "-Q", queues, "-P", pool),
            *("--concurrency", str(concurrency), "-l", "INFO"),
            *("-n", f"{queues.replace(',', '-')}-{log.stem}@test"),
        ],
        log,
        env,
    )
    worker.wait_for_output(" ready.")
    return worker


def start_web(log: Path, env: dict[str, str] | None = None) -> tuple[PlatformProcess, str]:
    """Start daphne on a free port and wait until it answers; returns it and its base URL."""
    port = free_port(None)
    url = f"http://127.0.0.1:{port}"
    command = ["-m", "hamletweb.bounded_daphne", "-b", "127.0.0.1", "-p", str(port)]
    command += ["hamletweb.asgi:application"]
    web = PlatformProcess(command, log, env)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _answers(f"{url}/healthz"):
        if web.process.poll() is not None or time.monotonic() > deadline:
            web.stop()
            raise AssertionError(f"the web server did not start:\n{web.output()}")
        time.sleep(POLL_S)
    return web, url


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
