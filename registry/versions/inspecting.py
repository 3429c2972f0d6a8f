"""Look into a stranger's file in a process of its own, with limits on all it may take.

Whatever happens in there (a crash, an endless loop, gigabytes, nonsense for an answer), here it is
one error that says so. The file is opened once, by us, and handed on as standard input: what is
hashed is what is looked into, and no name leads anywhere else.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import selectors
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from registry.errors import OverloadedError
from registry.versions.errors import FileRejectedError
from registry.versions.process import FORMATS

if TYPE_CHECKING:
    from hamlet.signature import Signature

logger = logging.getLogger(__name__)

MOST_FILE_BYTES = 512 * 2**20
# Importing torch and ONNX Runtime takes 0.7 GiB of addresses, the arena for answers another half.
BASE_MEMORY_BYTES = 1536 * 2**20
MEMORY_PER_FILE_BYTE = 8  # the file, parsed, as weights, and again while the engine rearranges them
CPU_S, WALL_S = 40, 90
CPU_BYTES_PER_S = 16 * 2**20  # a second more for each of these
OPEN_FILES = 64
ANSWER_BYTES = 256 * 1024
ERROR_BYTES = 64 * 1024
LOGGED_BYTES = 4096
TICK_S = 0.1
ROOT = Path(__file__).resolve().parents[2]
# -I: no environment, no current directory on the path. -B: no .pyc, since it may not write.
BOOT = "import sys; sys.path.insert(0, sys.argv[1]); \
from registry.versions.process import serve; serve(sys.argv[2])"
LOOK = "registry.versions.process:look"


@dataclass(frozen=True)
class Limits:
    """Of the process. `wall_s` is kept from outside, the others by the kernel."""

    memory_bytes: int = BASE_MEMORY_BYTES
    cpu_s: int = CPU_S
    wall_s: float = WALL_S
    open_files: int = OPEN_FILES

    @classmethod
    def of_file(cls, size_bytes: int) -> Limits:
        more_s = size_bytes // CPU_BYTES_PER_S
        return cls(
            memory_bytes=BASE_MEMORY_BYTES + MEMORY_PER_FILE_BYTE * size_bytes,
            cpu_s=CPU_S + more_s,
            wall_s=WALL_S + 2 * more_s,
        )


@dataclass(frozen=True)
class Inspection:
    """A file that was loaded, run and found in order.

    Attributes:
        format: one of `process.FORMATS`. sha256: of the file, in hex.
        signature: as `Signature.to_data` gives it. report: as `CheckReport.to_data` gives it.
        metadata: what the file says of its making; empty if it is longer than 64 KiB.
        brain_spec: of its network; None if the file does not say.
    """

    format: str
    sha256: str
    size_bytes: int
    signature: dict[str, Any]
    report: dict[str, Any]
    metadata: dict[str, Any]
    brain_spec: dict[str, Any] | None

    def read_signature(self) -> Signature:
        from hamlet.signature import Signature

        return Signature.from_data(self.signature)


def inspect_file(path: Path, *, expect: str | None = None, name: str | None = None) -> Inspection:
    """Find out what a file is, load it and try it, without trusting it.

    Args:
        expect: one of `process.FORMATS`; None takes any of them.
        name: what messages call the file; None takes the last part of `path`.
    Raises: FileRejectedError with what was found and what to do; OverloadedError if the machine
        cannot start a process. Each call takes a process and the memory of a loaded model, so
        whoever calls bounds how many run at once.
    """
    name = _printable(path.name if name is None else name)
    if expect is not None and expect not in FORMATS:
        message = f"found the format {expect[:40]!r}; only {' and '.join(FORMATS)} are looked into"
        raise FileRejectedError(f"{name}: {message}")
    with _opened(path, name) as file:
        size, sha256 = _measure(file, name)
        arguments = {"name": name, "expect": expect}
        answer = run_limited(LOOK, file, arguments, Limits.of_file(size), name=name)
    return _inspection(answer, sha256, size, name)


def run_limited(
    program: str,
    file: BinaryIO,
    arguments: Mapping[str, Any],
    limits: Limits,
    *,
    name: str,
) -> Any:
    """Run `module:function` of our own in a fresh process, with `file` as its standard input.

    Returns: the plain data that it returned.
    Raises: FileRejectedError if it refused the file, broke a limit or crashed.
    """
    order = json.dumps(
        {
            "program": program,
            "arguments": dict(arguments),
            "limits": asdict(limits),
            "parent": os.getpid(),
        }
    )
    with tempfile.TemporaryDirectory(prefix="hamlet-look-") as empty:
        process = _start(order, file, empty)
        try:
            answer, errors, fault = _listen(process, time.monotonic() + limits.wall_s)
        finally:
            _end(process)
    if fault is None and process.returncode != 0:
        fault = _how_it_ended(process.returncode, limits)
    if fault is not None:
        # Spelt as Python does, since a stranger's file may have had a say in it.
        logger.warning("looking into %s: %s %r", name, fault, errors[-LOGGED_BYTES:])
        raise FileRejectedError(f"{name}: {fault}")
    return _read_answer(answer, name)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[BinaryIO]:
    try:
        # Neither follow a link nor wait for somebody to write into a pipe.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileRejectedError(f"{name}: cannot be read ({reason})") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise FileRejectedError(f"{name}: not a regular file")
    with open(handle, "rb") as file:
        yield file


def _measure(file: BinaryIO, name: str) -> tuple[int, str]:
    size = os.fstat(file.fileno()).st_size
    if size > MOST_FILE_BYTES:
        raise FileRejectedError(
            f"{name}: found {size} bytes; expected at most {MOST_FILE_BYTES} of a model"
        )
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    return size, digest


def _start(order: str, file: BinaryIO, directory: str) -> subprocess.Popen[bytes]:
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
            [sys.executable, "-I", "-B", "-c", BOOT, str(ROOT), order],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=directory,
            env={"LANG": "C.UTF-8", "HOME": directory, "TMPDIR": directory, **threads},
            start_new_session=True,
        )
    except OSError as error:
        raise OverloadedError(f"no process could be started ({error.strerror})") from None


def _listen(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes, str | None]:
    """Listen until it ends, says too much or takes too long.

    Returns: (answer, last words on standard error, what limit it broke, if any)
    """
    assert process.stdout is not None
    assert process.stderr is not None
    kept = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
    out, err = kept
    fault = None
    with selectors.DefaultSelector() as selector:
        for handle in kept:
            selector.register(handle, selectors.EVENT_READ)
        while fault is None:
            # With both pipes closed it ends in a moment.
            ready = selector.select(TICK_S if selector.get_map() else TICK_S / 50)
            for key, _ in ready:
                piece = os.read(key.fd, 65_536)
                if not piece:
                    selector.unregister(key.fd)
                kept[key.fd] = (kept[key.fd] + piece)[-max(ANSWER_BYTES, ERROR_BYTES) - 1 :]
            if len(kept[out]) > ANSWER_BYTES:
                fault = f"what it says of itself is longer than {ANSWER_BYTES} bytes"
            elif time.monotonic() > deadline:
                fault = "looking into it took too long and was stopped"
            elif not ready and _has_ended(process):
                break  # even if something it left behind holds its pipes open
    return kept[out], kept[err][-ERROR_BYTES:], fault


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Without reaping it."""
    how = os.WEXITED | os.WNOWAIT | os.WNOHANG
    return os.waitid(os.P_PID, process.pid, how) is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group. The process is reaped last: until then nobody else can have
    its number."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _how_it_ended(code: int, limits: Limits) -> str:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return (
            f"looking into it took more than {limits.cpu_s} s of a processor, or more memory than "
            "the machine has, and was stopped"
        )
    if code < 0:
        return f"it crashed the process that looked into it ({signal.Signals(-code).name})"
    return "looking into it ended without an answer; the log of the server has more"


def _read_answer(text: bytes, name: str) -> Any:
    from hamlet.json_documents import read_json

    try:
        answer = read_json(text)
    except ValueError:
        answer = None
    match answer:
        case {"found": found, **others} if not others:
            return found
        case {"refused": str(reason), **others} if not others:
            raise FileRejectedError(reason[:2000])
    raise FileRejectedError(f"{name}: looking into it gave no answer that can be read")


def _inspection(answer: Any, sha256: str, size: int, name: str) -> Inspection:
    """The answer comes from where the file was: it is judged like the file itself."""
    from hamlet.errors import SpecError
    from hamlet.schema import Choice, Section, Unread, content_hash, validate
    from hamlet.signature import Signature

    fields = {
        "format": Choice(*FORMATS),
        "signature": Unread(dict, "a mapping"),
        "report": Unread(dict, "a mapping"),
        "metadata": Unread(dict, "a mapping"),
        "brain_spec": Unread(dict, "a mapping", optional=True),
    }
    try:
        read = validate(Section(fields), answer, "answer")
        signature = Signature.from_data(read["signature"])
    except SpecError as error:
        raise FileRejectedError(f"{name}: {error}") from None
    spec, said = read["brain_spec"], signature.hashes.get("brain_spec")
    if spec is not None and content_hash(spec) != said:
        raise FileRejectedError(f"{name}: its brain spec has another hash than its signature says")
    return Inspection(sha256=sha256, size_bytes=size, **{**read, "signature": signature.to_data()})


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:100]) or "file"
