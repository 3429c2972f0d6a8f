"""The platform's processes: started, watched, restarted when they crash, stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hamletweb.embedded.process import dies_with_parent
from hamletweb.supervisor.plan import ROOT, Plan
from hamletweb.supervisor.screen import say

STEADY_S = 60.0  # a process that ran this long starts anew with the shortest pause
LONGEST_PAUSE_S = 60.0
# A request at which the application works for so long hangs; hashing the largest model file before
# it is sent takes some seconds. What it does not count stands in hamletweb/bounded_daphne.py.
HTTP_TIMEOUT_S = "300"
LOG_LIMIT_BYTES = 10_000_000


@dataclass(frozen=True)
class Role:
    """What a child runs: `python <arguments>`, and how many seconds it gets to end cleanly."""

    name: str
    title: str
    arguments: tuple[str, ...]
    stop_timeout_s: float


def roles(plan: Plan) -> tuple[Role, ...]:
    """The processes of one machine. More workers may join from anywhere by URL."""
    celery = ("-m", "celery", "-A", "hamletweb")
    worker = (*celery, "worker", "--concurrency", "1", "--loglevel", "INFO", "-Q")
    return (
        Role(
            "web",
            "web server",
            (
                *("-m", "hamletweb.bounded_daphne", "-b", plan.host, "-p", str(plan.port)),
                *("--http-timeout", HTTP_TIMEOUT_S, "hamletweb.asgi:application"),
            ),
            5.0,
        ),
        # It saves its run and hands it back before it ends.
        Role("training", "training worker", (*worker, "training.cpu", "-n", "training@%h"), 30.0),
        # It hands its job back after the rows at hand; so does the next one, after a game or so.
        Role("inference", "inference worker", (*worker, "inference", "-n", "inference@%h"), 10.0),
        # What takes minutes or hours; apart, so that what somebody waits for need not queue behind.
        Role("work", "worker for long jobs", (*worker, "work", "-n", "work@%h"), 10.0),
        # Apart from the others, since a long job must not keep the sweeps from their rounds.
        Role(
            "housekeeping",
            "housekeeping worker",
            (*worker, "default", "-n", "housekeeping@%h"),
            10.0,
        ),
        Role(
            "beat",
            "timetable",
            (*celery, "beat", "--schedule", str(plan.data_dir / "beat-schedule"), "--pidfile="),
            5.0,
        ),
    )


class Child:
    """One process. `look_after` starts it again, after a pause that doubles from crash to crash."""

    def __init__(self, role: Role, log_dir: Path, environment: Mapping[str, str]) -> None:
        self.role = role
        self.log = log_dir / f"{role.name}.log"
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None
        self.crashes = 0
        self._started_at = 0.0
        self._start_again_at: float | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it. What keeps it from starting (a full disk) counts as a crash, and is said."""
        self._started_at = time.monotonic()
        self._start_again_at = None
        try:
            self._spawn()
        except (OSError, subprocess.SubprocessError) as error:
            self._start_later(f"does not start ({error})")

    def _spawn(self) -> None:
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(descriptor, "ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own modules, arguments as a list
                [sys.executable, *self.role.arguments],
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; we pass it on in the right order
                preexec_fn=dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one prctl
            )

    def look_after(self) -> None:
        """Say that it crashed, or start it again once its pause is over."""
        now = time.monotonic()
        if self._start_again_at is not None:
            if now >= self._start_again_at:
                self.start()
            return
        if self.running:
            return
        if now - self._started_at >= STEADY_S:
            self.crashes = 0
        self._start_later(f"ended ({ending(self.process.returncode)})")

    def _start_later(self, what_happened: str) -> None:
        self.crashes += 1
        pause_s = min(2.0 ** (self.crashes - 1), LONGEST_PAUSE_S)
        self._start_again_at = time.monotonic() + pause_s
        say(
            f"the {self.role.title} {what_happened}; starting it again in {pause_s:.0f} s. "
            f"Its log: {self.log}"
        )

    def ask_to_stop(self) -> None:
        self._start_again_at = None
        if self.running:
            self.process.terminate()

    def end_by(self, deadline: float) -> None:
        """Wait until it has ended; after the deadline (monotonic) end it and its children."""
        if self.process is None:
            return
        try:
            self.process.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            say(f"the {self.role.title} does not stop; ending it")
        self.kill_group()

    def kill_group(self) -> None:
        """End it and what it left behind: the pool of a worker that was killed, for one."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Children:
    """All processes of the platform."""

    def __init__(self, plan: Plan, environment: Mapping[str, str]) -> None:
        self.log_dir = plan.data_dir / "logs"
        self.all = [Child(role, self.log_dir, environment) for role in roles(plan)]
        self._unbounded: set[Path] = set()  # logs of which this was said

    def start(self) -> None:
        for child in self.all:
            child.start()

    def look_after(self) -> None:
        for child in self.all:
            child.look_after()

    def restart(self) -> None:
        """Start all of them anew, for addresses that have changed."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Ask all to stop, together; each gets the time its role says, then it is ended."""
        began = time.monotonic()
        for child in self.all:
            child.ask_to_stop()
        for child in sorted(self.all, key=lambda child: child.role.stop_timeout_s):
            child.end_by(began + child.role.stop_timeout_s)

    def kill(self) -> None:
        for child in self.all:
            child.kill_group()

    def bound_logs(self) -> None:
        """Keep each log below LOG_LIMIT_BYTES, and one older part of it beside it."""
        for log in self.log_dir.glob("*.log"):
            try:
                bound_log(log)
            except OSError as error:
                if log not in self._unbounded:
                    say(f"{log} cannot be kept short: {error.strerror}")
                self._unbounded.add(log)
            else:
                self._unbounded.discard(log)


def bound_log(log: Path, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
    """Move what a log holds to `<log>.1` once it is too long.

    The file is emptied, not renamed: who writes it keeps it open, and appends.
    """
    if log.stat().st_size <= limit_bytes:
        return
    with open(log, "r+b") as full, open(log.with_name(f"{log.name}.1"), "wb") as older:
        os.fchmod(older.fileno(), 0o600)
        while part := full.read(1 << 20):
            older.write(part)
        full.truncate(0)


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exit status {code}"
    return f"killed by {signal.Signals(-code).name}"


def child_environment(plan: Plan, inherited: Mapping[str, str]) -> dict[str, str]:
    """Children find servers and secret in services.json, so that no secret stands in `ps`."""
    kept = {
        name: value
        for name, value in inherited.items()
        if name not in ("DATABASE_URL", "REDIS_URL") or value
    }
    return kept | {
        "HAMLET_DATA_DIR": str(plan.data_dir),
        "HAMLET_HOST": plan.host,
        "HAMLET_PORT": str(plan.port),
        "DJANGO_SETTINGS_MODULE": "hamletweb.settings",
        "PYTHONUNBUFFERED": "1",
    }


def last_lines(log: Path, count: int = 3) -> Sequence[str]:
    try:
        return log.read_text(errors="replace").splitlines()[-count:]
    except OSError:
        return ()
