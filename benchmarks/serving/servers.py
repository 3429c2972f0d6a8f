"""Server processes that take turns: one runs at a time, each on the same core."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.machine import ROOT
from benchmarks.streaming.usage import cpu_seconds, descendants
from hamletweb.embedded.process import dies_with_parent, free_port

START_TIMEOUT_S, STOP_TIMEOUT_S = 180.0, 15.0
POLL_S = 0.1


@dataclass(frozen=True)
class Cores:
    """Who runs where.

    Attributes:
        server: of the one that is measured. load: of the load generator and of the servers behind.
    """

    server: int
    load: int

    @classmethod
    def split(cls) -> Cores:
        """The last core of this process for the server, the first for everything else."""
        found = sorted(os.sched_getaffinity(0))
        return cls(found[-1], found[0])

    def describe(self) -> str:
        if self.server == self.load:
            return "there is one core: server, load generator, PostgreSQL and Valkey share it"
        return (
            f"each server is pinned to core {self.server}; the load generator, PostgreSQL and "
            f"Valkey to core {self.load}"
        )


@dataclass
class Server:
    """One server with all of its processes; stopped in its tracks while others are measured.

    Attributes:
        command: `{port}` stands for the port. ready: a path that is answered once it serves.
        environment: beside this process's own.
    """

    name: str
    command: Sequence[str]
    core: int
    log: Path
    ready: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    url: str = ""

    def start(self) -> None:
        """Raises: SystemExit with the last words of its log if it does not serve."""
        port = free_port(None)
        self.url = f"http://127.0.0.1:{port}"
        die, core = dies_with_parent(signal.SIGKILL), self.core

        def settle() -> None:
            die()
            os.sched_setaffinity(0, {core})

        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [part.format(port=port) for part in self.command],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=settle,  # noqa: PLW1509 - two system calls
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                words = self.log.read_text(errors="replace")[-3000:]
                self.stop()
                raise SystemExit(f"{self.name} did not start:\n{words}")
            time.sleep(POLL_S)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + self.ready, timeout=5):
                return True
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False

    def stop(self) -> None:
        """Ask it to end, and see to it that nothing of it is left."""
        if self.process is None:
            return
        processes = [self.process.pid, *descendants(self.process.pid)]
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_TIMEOUT_S)
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """It runs inside; before and after it takes nothing of its core."""
        self._signal(signal.SIGCONT)
        try:
            yield
        finally:
            self._signal(signal.SIGSTOP)

    def rest(self) -> None:
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def cpu_seconds(self) -> float:
        """Of all its processes so far."""
        return sum(map(cpu_seconds, [self.process.pid, *descendants(self.process.pid)]))


@contextlib.contextmanager
def running(servers: Sequence[Server]) -> Iterator[None]:
    """All of them are started, one after the other, and rest; all are ended after."""
    try:
        for server in servers:
            server.start()
            server.rest()
        yield
    finally:
        for server in servers:
            server.stop()
