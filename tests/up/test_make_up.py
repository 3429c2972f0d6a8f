"""A day with `manage.py up`, a real process: start, crashes, kill -9, second start, Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from hamletweb.embedded.process import free_port, processes_in
from tests.up.real_up import Up, alive, wait_until

READY = "HamletWeb is at"


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

    saved, reached = go_past_a_checkpoint(first)
    left = first.children()
    assert len(left) >= 6, left
    first.process.kill()
    first.process.wait()

    second = start(data_dir, port)
    second.wait_for(READY)
    check_second_start_goes_on(second, kept)
    check_run_goes_on(second, saved, reached)
    # The pool of a worker that died hands its run back once it reaches the database again.
    wait_until(lambda: not alive(left), "everything of the first start to end")

    below = second.children()
    second.process.send_signal(signal.SIGINT)
    assert second.process.wait(timeout=90) == 0, second.said()
    assert second.said().rstrip().endswith("stopped")
    check_nothing_is_left(data_dir, port, below)


@pytest.mark.slow(45)
@pytest.mark.timeout(600)
def test_two_platforms_work_side_by_side(start, tmp_path: Path) -> None:
    ports: set[int] = set()
    while len(ports) < 2:
        ports.add(free_port(None))
    both = [start(tmp_path / str(port) / "var", port) for port in sorted(ports)]
    for up in both:
        up.wait_for(READY)
        assert up.missing() == []
    for up in both:
        wait_until(lambda up=up: up.run()["done"] > 0, "an episode of its own run")
    one, other = both
    assert one.run()["id"] != other.run()["id"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        one.get(other.run()["url"])
    for up in both:
        up.process.send_signal(signal.SIGINT)
    for up in both:
        assert up.process.wait(timeout=90) == 0, up.said()


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
    run = up.run()
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


def go_past_a_checkpoint(up: Up) -> tuple[dict, int]:
    """Let the run save itself, and go on past it.

    Returns: the last episode that was saved, and how far the run has come since.
    """
    wait_until(lambda: up.run()["done"] > 0, "a finished episode")
    done = up.steer("pause", "paused")["done"]
    saved = up.episode(done)
    up.steer("resume", "running")
    wait_until(lambda: up.run()["done"] > done, "an episode after the pause")
    return saved, up.run()["done"]


def check_run_goes_on(up: Up, saved: dict, reached: int) -> None:
    wait_until(lambda: up.run()["done"] > reached, "the run to get further than before")
    assert up.episode(saved["number"]) == saved, "played once, before the platform was killed"


def check_second_start_goes_on(up: Up, first: dict) -> None:
    kept = up.kept()
    assert kept["api_key"] == first["api_key"]
    assert kept["accounts"] == first["accounts"]
    for password in first["accounts"].values():
        assert password not in up.said()
    assert up.run()["id"] == first["run"], "the same run, and no other"


def check_nothing_is_left(data_dir: Path, port: int, below: dict[int, str]) -> None:
    assert alive(below) == []
    assert processes_in(data_dir / "postgres", "postgres") == []
    assert processes_in(data_dir / "valkey", "valkey-server") == []
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
