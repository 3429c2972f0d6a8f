"""Start a server so that it dies with us, find what an earlier one left behind, stop it."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hamletweb.embedded.account import Account
from hamletweb.embedded.errors import EmbeddedServerError

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
POLL_S = 0.02


def dies_with_parent(signal_number: int, parent: int | None = None) -> Callable[[], None]:
    """For `Popen(preexec_fn=...)`: the kernel sends the child this signal when we die, even by -9.

    It comes when the *thread* that started the child ends, so start children from the main thread.
    A child that was forked already calls the result itself and names its `parent`.
    """
    parent = os.getpid() if parent is None else parent

    def prepare() -> None:
        if LIBC is not None:
            LIBC.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
            if os.getppid() != parent:  # we died before the line above
                os._exit(1)

    return prepare


def start_server(
    command: Sequence[str | Path], *, directory: Path, log: Path, account: Account, death: int
) -> subprocess.Popen[bytes]:
    """Start a server in `directory`; its words are appended to `log`.

    It gets a session of its own, or Ctrl-C in the terminal would stop it before its clients.

    Raises: EmbeddedServerError if the binary cannot be run.
    """
    with open(log, "ab", opener=_private_opener) as output, _readable_start(command[0]):
        return subprocess.Popen(  # noqa: S603 - our own binaries, arguments as a list
            [str(part) for part in command],
            cwd=directory,
            env=plain_environment(),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=dies_with_parent(death),  # noqa: PLW1509 - one prctl, no lock is taken
            **account.popen_arguments(),
        )


@contextmanager
def _readable_start(binary: str | Path) -> Iterator[None]:
    try:
        yield
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedServerError(
            f"{binary} cannot be started: {error}. Install requirements.txt anew for this machine, "
            "or set DATABASE_URL and REDIS_URL to servers that you run."
        ) from error


def plain_environment() -> dict[str, str]:
    """No PGPORT, PGDATA or secret of ours reaches a server."""
    kept = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}


def stop_server(process: subprocess.Popen[bytes], signals: Sequence[tuple[int, float]]) -> None:
    """Send each (signal, seconds to wait) until the process has ended; SIGKILL at last."""
    for number, timeout_s in (*signals, (signal.SIGKILL, 10.0)):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            continue


def processes_in(directory: Path, program: str) -> list[int]:
    """Running processes of a program whose working directory is this one (Linux).

    A pid file may be stale and its number taken by somebody else; a working directory is not.
    """
    wanted = directory.stat()
    found = []
    for entry in os.scandir("/proc") if os.path.isdir("/proc/self") else ():
        if not entry.name.isdigit():
            continue
        try:
            where = os.stat(f"/proc/{entry.name}/cwd")
            runs = Path(os.readlink(f"/proc/{entry.name}/exe")).name.removesuffix(" (deleted)")
        except OSError:  # ended meanwhile, or not ours
            continue
        if runs == program and (where.st_dev, where.st_ino) == (wanted.st_dev, wanted.st_ino):
            found.append(int(entry.name))
    return found


def end_leftovers(
    directory: Path, program: str, signals: Sequence[tuple[int, float]], *, first: int | None = None
) -> None:
    """End what an earlier start left running in `directory`.

    Args:
        directory: working directory of the server. program: file name of its binary.
        signals: (signal, seconds to wait), tried in turn.
        first: the process that ends the others when asked (the postmaster), if it is known.

    Raises: EmbeddedServerError if something still runs after the last signal.
    """
    for number, timeout_s in signals:
        running = processes_in(directory, program)
        for pid in [first] if first in running else running:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + timeout_s
        while running and time.monotonic() < deadline:
            time.sleep(POLL_S)
            running = processes_in(directory, program)
        if not running:
            return
    raise EmbeddedServerError(
        f"{program} of an earlier start still runs in {directory} as process {running[0]} and does "
        f"not stop. End it with `kill -9 {running[0]}` and start again."
    )


def free_port(wanted: int | None) -> int:
    """`wanted` if nobody listens there on 127.0.0.1, else a free port chosen by the kernel."""
    for port in (wanted, 0) if wanted else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise EmbeddedServerError("No port of 127.0.0.1 is free. End programs that hold many ports.")


def last_words(log: Path, lines: int = 5) -> str:
    """The end of a log, for an error message."""
    try:
        return " / ".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


def _private_opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
