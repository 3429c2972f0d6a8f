"""A whole platform of our own for the time of a benchmark: `manage.py up` in a temporary folder."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.streaming.usage import PARTS, processes_of
from hamletweb.embedded.process import dies_with_parent, free_port

START_TIMEOUT_S, STOP_TIMEOUT_S = 180.0, 60.0
POLL_S = 0.2
FOREIGN = (
    "DATABASE_URL",
    "REDIS_URL",
    "HAMLET_HOST",
    "HAMLET_ARTIFACT_DIR",
    "OMP_NUM_THREADS",
)


class Site:
    """Context manager: the platform runs inside, and everything it left is deleted after.

    Attributes:
        url: of the web server on 127.0.0.1. data_dir: of the platform. pid: of `up`.
        began_at, ready_at: seconds since the epoch, when `up` was started and said it was ready.
        environment: for processes that belong to this platform.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hamlet-benchmark-"))
        self.data_dir = self.folder / "data"
        self.log = self.folder / "up.log"
        # Servers named in the environment are somebody's own: never measure on those.
        self.environment = {
            name: value for name, value in os.environ.items() if name not in FOREIGN
        } | {"HAMLET_DATA_DIR": str(self.data_dir), "HAMLET_PORT": str(free_port(None))}

    def __enter__(self) -> Site:
        self.began_at = time.time()
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGTERM),  # noqa: PLW1509 - one prctl
            )
        self.pid = self.process.pid
        try:
            self._wait_until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while "ready after" not in self.log.read_text(errors="replace"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The platform did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(POLL_S)
        self.ready_at = time.time()
        read = json.loads((self.data_dir / "up.json").read_text())
        self.url, self._api_key, self._accounts = read["url"], read["api_key"], read["accounts"]

    def _stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request to /api/v1. Raises: SystemExit with the server's own words."""
        request = urllib.request.Request(
            f"{self.url}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._api_key}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def cancel_all_runs(self) -> None:
        """The run that `up` queues at its first start would take a core."""
        for run in self.call("GET", "runs")["items"]:
            if run["status"] in ("queued", "running", "paused"):
                self.call("POST", f"runs/{run['id']}/cancel")
                self.wait_for(run["id"], "cancelled")

    def start_run(self, request: dict[str, Any], *, past_env_steps: int) -> str:
        """Queue a run and wait until it trains at its steady pace. Returns: its id."""
        run = self.call("POST", "train", request)["id"]
        self.wait_for(run, "running")
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._env_steps(run) < past_env_steps:
            if time.monotonic() > deadline:
                raise SystemExit(f"run {run} did not get going: {self.call('GET', f'runs/{run}')}")
            time.sleep(POLL_S)
        return run

    def _env_steps(self, run: str) -> float:
        return self.call("GET", f"runs/{run}")["metrics"].get("env_steps", 0.0)

    def wait_for(self, run: str, status: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while (found := self.call("GET", f"runs/{run}"))["status"] != status:
            if found["status"] == "failed" or time.monotonic() > deadline:
                raise SystemExit(f"run {run} is {found['status']}, not {status}: {found['reason']}")
            time.sleep(POLL_S)

    def episodes(self, run: str, *, since: float) -> list[dict[str, Any]]:
        """Summaries of all episodes that ended after `since` (epoch seconds), oldest first."""
        found: list[dict[str, Any]] = []
        path = f"runs/{run}/episodes?limit=200"
        while path:
            page = self.call("GET", path)
            found += page["items"]
            following = page["next"]
            path = None
            if following and ended_at(found[-1]) > since:
                path = following.partition("/api/v1/")[2]
        return [episode for episode in reversed(found) if ended_at(episode) > since]

    def web_pid(self) -> int:
        """The process of the web server."""
        return processes_of(self.pid, PARTS["web server"])[0]

    def sign_in(self) -> str:
        """Sign an admin in through the page, as a browser would. Returns: the Cookie header."""
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        page = opener.open(f"{self.url}/accounts/login/", timeout=30).read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
        form = {
            "username": "admin",
            "password": self._accounts["admin"],
            "csrfmiddlewaretoken": token,
        }
        opener.open(
            f"{self.url}/accounts/login/", urllib.parse.urlencode(form).encode(), timeout=30
        )
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def ended_at(episode: dict[str, Any]) -> float:
    """Seconds since the epoch."""
    return datetime.fromisoformat(episode["ended_at"]).timestamp()
