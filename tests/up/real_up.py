"""`manage.py up` as a real process, and what a test wants of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from hamletweb.embedded.process import dies_with_parent

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 150.0


class Up:
    """One `manage.py up` and what it says."""

    def __init__(self, data_dir: Path, port: int, log: Path) -> None:
        self.data_dir, self.port, self.log = data_dir, port, log
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("HAMLET_") and name not in ("DATABASE_URL", "REDIS_URL")
        }
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up"],
                cwd=log.parent,  # not the repository: nothing may depend on where one stands
                env=inherited | {"HAMLET_DATA_DIR": str(data_dir), "HAMLET_PORT": str(port)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one prctl
            )

    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str, timeout_s: float = START_TIMEOUT_S) -> None:
        deadline = time.monotonic() + timeout_s
        while text not in self.said():
            alive = self.process.poll() is None and time.monotonic() < deadline
            assert alive, f"waited for {text!r}:\n{self.said()}{self.logs()}"
            time.sleep(0.05)

    def logs(self) -> str:
        return "".join(
            f"\n== {log.name}\n{log.read_text(errors='replace')[-1500:]}"
            for log in sorted((self.data_dir / "logs").glob("*.log"))
        )

    def kept(self) -> dict:
        return json.loads((self.data_dir / "up.json").read_text())

    def get(self, path: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        request.add_header("Authorization", f"Bearer {self.kept()['api_key']}")
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.read()

    def run(self) -> dict:
        """The only run there is."""
        [run] = json.loads(self.get("/api/v1/runs"))["items"]
        return run

    def steer(self, verb: str, status: str) -> dict:
        """Pause or resume the run and wait until it is so."""
        self.get(f"{self.run()['url']}/{verb}", "POST")
        wait_until(lambda: self.run()["status"] == status, f"the run to be {status}")
        return self.run()

    def episode(self, number: int) -> dict:
        """A finished episode of the run."""
        page = json.loads(self.get(f"{self.run()['url']}/episodes?limit=100"))
        while page["items"][-1]["number"] > number:
            page = json.loads(self.get(page["next"]))
        return next(item for item in page["items"] if item["number"] == number)

    def missing(self) -> list[str]:
        checks = json.loads(self.get("/readyz"))["checks"]
        return [check["name"] for check in checks if not check["ok"]]

    def children(self) -> dict[int, str]:
        """Command lines of everything below us, by process id."""
        below, found = {self.process.pid}, {}
        parents = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit():
                    parents[int(entry.name)] = int(
                        (entry / "stat").read_text().rpartition(")")[2].split()[1]
                    )
            except OSError:
                continue
        while more := {pid for pid, parent in parents.items() if parent in below} - below:
            below |= more
        for pid in below - {self.process.pid}:
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                found[pid] = words.decode(errors="replace")
            except OSError:
                continue
        return found


def wait_until(happened: Callable[[], object], what: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for: {what}"
        time.sleep(0.05)


def alive(pids: dict[int, str]) -> list[str]:
    """Those of these processes that still run (a zombie does not)."""
    running = []
    for pid, words in pids.items():
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            running.append(f"{pid} {words}")
    return running
