"""The platform's processes: restarted with growing pauses, stopped in time, logs bounded."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from hamletweb.supervisor import children
from hamletweb.supervisor.children import Child, Role, bound_log, child_environment, ending
from hamletweb.supervisor.plan import read_plan


class Clock:
    """A monotonic clock that moves when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(children, "time", clock)
    return clock


def child_of(tmp_path: Path, code: str, stop_timeout_s: float = 10.0) -> Child:
    role = Role("thing", "thing", ("-c", code), stop_timeout_s)
    return Child(role, tmp_path, dict(os.environ))


def wait_for(text: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


def crash(child: Child) -> float:
    """Let it run to its end. Returns: the pause before it is started again."""
    child.process.wait()
    before = children.time.monotonic()
    child.look_after()
    return child._start_again_at - before


def test_pauses_double_up_to_a_minute_and_shrink_after_a_steady_time(
    tmp_path: Path, clock: Clock, capsys
) -> None:
    child = child_of(tmp_path, "raise SystemExit(3)")
    child.start()
    pauses = []
    for _ in range(8):
        pauses.append(crash(child))
        clock.now += pauses[-1] - 0.001
        child.look_after()
        assert not child.running, "not before its pause is over"
        clock.now += 0.002
        child.look_after()
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    clock.now += children.STEADY_S
    assert crash(child) == 1
    said = capsys.readouterr().out
    assert (
        f"the thing ended (exit status 3); starting it again in 1 s. Its log: {child.log}" in said
    )


def test_process_that_does_not_stop_is_ended_with_what_it_started(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "below = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('started', below.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    child = child_of(tmp_path, code)
    child.start()
    wait_for("started", child.log)
    below = int(child.log.read_text().split()[1])
    child.ask_to_stop()
    child.end_by(time.monotonic() + 0.2)
    assert child.process.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while Path(f"/proc/{below}").exists() and "Z" not in Path(f"/proc/{below}/stat").read_text():
        assert time.monotonic() < deadline, "its own child outlived it"
        time.sleep(0.02)


def test_long_log_keeps_its_last_part_beside_it_while_somebody_writes(tmp_path: Path) -> None:
    log = tmp_path / "thing.log"
    log.write_bytes(b"old " * 1000)
    with open(log, "ab") as writer:
        bound_log(log, limit_bytes=5000)
        assert log.stat().st_size == 4000, "short enough"
        bound_log(log, limit_bytes=3000)
        writer.write(b"new")
    assert log.read_bytes() == b"new"
    older = tmp_path / "thing.log.1"
    assert older.read_bytes() == b"old " * 1000
    assert older.stat().st_mode & 0o077 == 0


def test_log_that_cannot_be_opened_delays_one_process_and_ends_nothing(
    tmp_path: Path, clock: Clock, capsys
) -> None:
    child = child_of(tmp_path, "")
    child.log.mkdir()
    child.start()
    assert (child.crashes, child.running) == (1, False)
    clock.now += 1.5
    child.look_after()
    assert child.crashes == 2
    assert capsys.readouterr().out.count("the thing does not start ([Errno 21]") == 2
    child.log.rmdir()
    clock.now += 2.5
    child.look_after()
    assert child.process.wait() == 0


def test_log_that_cannot_be_shortened_is_said_once_and_the_others_are(
    tmp_path: Path, capsys
) -> None:
    all_of_them = children.Children(read_plan({"HAMLET_DATA_DIR": str(tmp_path)}), {})
    all_of_them.log_dir.mkdir()
    (all_of_them.log_dir / "gone.log").symlink_to(tmp_path / "nowhere")
    full = all_of_them.log_dir / "web.log"
    for _ in range(2):
        full.write_bytes(b"x" * (children.LOG_LIMIT_BYTES + 1))
        all_of_them.bound_logs()
        assert full.stat().st_size == 0
    assert capsys.readouterr().out.count("gone.log cannot be kept short: No such file") == 1


def test_no_secret_is_handed_over_in_the_environment(tmp_path: Path) -> None:
    plan = read_plan({"HAMLET_DATA_DIR": str(tmp_path), "HAMLET_PORT": "8003"})
    environment = child_environment(plan, {"PATH": "/bin", "DATABASE_URL": "", "REDIS_URL": ""})
    assert environment["HAMLET_DATA_DIR"] == str(tmp_path)
    assert environment["HAMLET_PORT"] == "8003"
    assert "DATABASE_URL" not in environment, "an empty one would hide services.json"
    assert "REDIS_URL" not in environment


def test_endings_are_said_in_words() -> None:
    assert ending(0) == "exit status 0"
    assert ending(-signal.SIGSEGV) == "killed by SIGSEGV"


def test_python_of_the_children_is_ours(tmp_path: Path) -> None:
    child = child_of(tmp_path, "import sys; print(sys.executable)")
    child.start()
    child.process.wait()
    assert child.log.read_text().strip() == sys.executable
