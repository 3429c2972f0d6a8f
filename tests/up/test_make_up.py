"""A day with `manage.py up`, a real process: start, crashes, kill -9, second start, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from hamletweb.embedded.process import dies_with_parent, free_port, processes_in

ROOT = Path(__file__).resolve().parents[2]
READY = "HamletWeb is at"
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

    def get(self, path: str) -> bytes:
        headers = {"Authorization": f"Bearer {self.kept()['api_key']}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.read()

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


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "a directory with spaces" / "var"


@pytest.fixture
def start(tmp_path: Path) -> Iterator:
    started: list[Up] = []

    def up(data_dir: Path, port: int) -> Up:
        started.append(Up(data_dir, port, tmp_path / f"up-{len(started)}.txt"))
        return started[-1]

    yield up
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def wait_until(happened, what: str, timeout_s: float = 60.0) -> None:
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


@pytest.mark.timeout(600)
def test_a_day_with_up(start, data_dir: Path) -> None:
    port = free_port(None)
    first = start(data_dir, port)
    first.wait_for(READY)
    kept = check_first_start(first)

    check_second_up_on_the_same_directory(start, first)
    check_taken_port(start, first)
    check_crashed_worker_comes_back(first)

    check_crashed_database_comes_back(first)

    left = first.children()
    assert len(left) >= 6, left
    first.process.kill()
    first.process.wait()

    second = start(data_dir, port)
    second.wait_for(READY)
    check_second_start_goes_on(second, kept)
    # The pool of a worker that died hands its run back once it reaches the database again.
    wait_until(lambda: not alive(left), "everything of the first start to end")

    below = second.children()
    second.process.send_signal(signal.SIGINT)
    assert second.process.wait(timeout=90) == 0, second.said()
    assert second.said().rstrip().endswith("stopped")
    check_nothing_is_left(data_dir, port, below)


def check_first_start(up: Up) -> dict:
    kept = up.kept()
    said = up.said()
    assert kept["url"] == f"http://127.0.0.1:{up.port}"
    assert set(kept["accounts"]) == {"admin", "instructor", "student"}
    for name, password in kept["accounts"].items():
        assert re.search(rf"{name} +{re.escape(password)}", said)
    assert kept["class"]["join_code"] in said
    assert kept["api_key"] not in said
    for name in ("up.json", "services.json", "postgres.json", "valkey.json"):
        assert stat.S_IMODE((up.data_dir / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(up.data_dir.stat().st_mode) == 0o700
    assert up.missing() == []
    [run] = json.loads(up.get("/api/v1/runs"))["items"]
    assert run["system"] == "town"
    assert b'hamlet_runs{status="' in up.get("/metrics")
    for words in up.children().values():
        assert kept["api_key"] not in words
    return kept | {"run": run["id"]}


def check_second_up_on_the_same_directory(start, first: Up) -> None:
    second = start(first.data_dir, free_port(None))
    assert second.process.wait(timeout=60) == 1
    [line] = second.said().strip().splitlines()
    assert f"(process {first.process.pid}). Open http://127.0.0.1:{first.port}" in line
    assert first.missing() == []


def check_taken_port(start, first: Up) -> None:
    elsewhere = first.data_dir.parent / "elsewhere"
    second = start(elsewhere, first.port)
    assert second.process.wait(timeout=60) == 1
    [line] = second.said().strip().splitlines()
    assert f"Port {first.port} of 127.0.0.1 is taken" in line
    assert [path.name for path in elsewhere.iterdir()] == ["up.lock"], "nothing half-started"


def check_crashed_worker_comes_back(up: Up) -> None:
    def parts_of(word: str) -> set[int]:
        return {pid for pid, words in up.children().items() if word in words}

    before = parts_of("inference@")
    os.kill(min(before), signal.SIGKILL)
    up.wait_for("the inference worker ended (killed by SIGKILL); starting it again in 1 s")
    wait_until(lambda: len(parts_of("inference@") - before) >= 2, "a new worker with its pool")


def check_crashed_database_comes_back(up: Up) -> None:
    os.kill(
        int((up.data_dir / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL
    )
    up.wait_for("PostgreSQL has ended; starting it again")
    wait_until(lambda: answers_well(up), "the platform to be whole again")


def answers_well(up: Up) -> bool:
    try:
        return up.missing() == []
    except urllib.error.HTTPError:  # 503 while something is missing
        return False


def check_second_start_goes_on(up: Up, first: dict) -> None:
    kept = up.kept()
    assert kept["api_key"] == first["api_key"]
    assert kept["accounts"] == first["accounts"]
    for password in first["accounts"].values():
        assert password not in up.said()
    [run] = json.loads(up.get("/api/v1/runs"))["items"]
    assert run["id"] == first["run"], "the same run, and no other"


def check_nothing_is_left(data_dir: Path, port: int, below: dict[int, str]) -> None:
    assert alive(below) == []
    assert processes_in(data_dir / "postgres", "postgres") == []
    assert processes_in(data_dir / "valkey", "valkey-server") == []
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
