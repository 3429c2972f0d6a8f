"""What the process that looks into files may take and do: tried with programs that misbehave."""

import os
import re
import subprocess
import sys
import time

import pytest

from registry.versions.errors import FileRejectedError
from registry.versions.inspecting import ANSWER_BYTES, ROOT, Limits, run_limited

USUAL = Limits()


@pytest.fixture
def probe(tmp_path):
    given = tmp_path / "given"
    given.write_text("the file")

    def run(function, limits=USUAL, **arguments):
        with given.open("rb") as file:
            program = f"tests.inspecting.probes:{function}"
            return run_limited(program, file, arguments, limits, name="given")

    return run


def refusal(probe, function, limits=USUAL, **arguments):
    with pytest.raises(FileRejectedError) as caught:
        probe(function, limits, **arguments)
    return str(caught.value)


def test_it_stands_in_an_empty_folder_with_nothing_but_the_file(probe, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "secret")
    found = probe("surroundings")
    assert found["files"] == []
    assert found["content"] == "the file"
    assert found["own_group"]
    assert not found["django"]
    assert not [name for name in found["environment"] if "SECRET" in name or "DJANGO" in name]
    assert not os.path.exists(found["directory"])


def test_memory_is_bounded(probe):
    limits = Limits(memory_bytes=512 * 2**20)
    assert "takes more memory than a file of its size may" in refusal(probe, "allocate", limits)


def test_memory_is_bounded_in_torch_too(probe):
    assert "takes more memory than" in refusal(probe, "allocate_in_torch")


def test_processor_time_is_bounded(probe):
    started = time.monotonic()
    assert "more than 1 s of a processor" in refusal(probe, "spin", Limits(cpu_s=1))
    assert time.monotonic() - started < 30


def test_time_on_the_wall_is_bounded(probe):
    started = time.monotonic()
    assert "took too long and was stopped" in refusal(probe, "sleep", Limits(wall_s=1.0))
    assert time.monotonic() - started < 10


def test_a_crash_is_a_refusal_with_its_signal(probe):
    assert refusal(probe, "crash") == (
        "given: it crashed the process that looked into it (SIGSEGV)"
    )


def test_an_end_without_an_answer_is_a_refusal(probe):
    assert "gave no answer that can be read" in refusal(probe, "quit_early")
    assert "ended without an answer" in refusal(probe, "no_such_program")


def test_a_long_answer_is_cut_off(probe):
    assert probe("answer", size=1000) == {"text": "x" * 1000}
    text = refusal(probe, "answer", size=ANSWER_BYTES)
    assert f"longer than {ANSWER_BYTES} bytes" in text


def test_what_it_prints_is_no_part_of_the_answer(probe):
    assert probe("noise") == {"quiet": True}


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("open_a_socket", "socket.__new__"),
        ("resolve_a_name", "socket.getaddrinfo"),
        ("start_a_process", "subprocess.Popen|os.posix_spawn|open a file"),
        ("fork", "os.fork"),
        ("unpickle", "pickle.find_class"),
        ("load_a_library", "ctypes.dlopen"),
    ],
)
def test_the_lock_keeps_it_from_reaching_out(probe, function, words):
    text = refusal(probe, function)
    assert "it made the process that looked into it try to" in text
    assert re.search(words, text), text


@pytest.mark.parametrize(
    "function", ["run_a_command", "write_a_file", "write_a_file_by_descriptor"]
)
def test_the_lock_keeps_it_from_writing(probe, tmp_path, function):
    path = tmp_path / "mark"
    assert "try to" in refusal(probe, function, path=str(path))
    assert not path.exists()


def test_the_lock_keeps_it_from_reading_and_removing(probe, tmp_path):
    path = tmp_path / "kept"
    path.write_text("secret")
    for secret in (path, ROOT / "manage.py", "/etc/passwd"):
        assert "try to open a file" in refusal(probe, "read_a_file", path=str(secret))
    assert "os.remove" in refusal(probe, "remove_a_file", path=str(path))
    assert path.read_text() == "secret"


def test_the_kernel_keeps_it_from_writing_what_no_lock_sees(probe, tmp_path):
    path = tmp_path / "mark"
    assert "ended without an answer" in refusal(probe, "write_without_lock", path=str(path))
    assert path.read_text() == ""


def test_open_files_are_bounded(probe):
    assert "ended without an answer" in refusal(probe, "open_many")


PARENT = """
import sys
sys.path.insert(0, sys.argv[1])
from registry.versions.inspecting import Limits, run_limited
with open(sys.argv[1] + "/manage.py", "rb") as file:
    program = "tests.inspecting.probes:say_and_sleep"
    run_limited(program, file, {"path": sys.argv[2]}, Limits(), name="x")
"""


def test_it_dies_with_its_parent(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(ROOT), str(pipe)])
    # The probe holds the pipe open for as long as it lives; its number is what it writes.
    with pipe.open() as said:
        number = int(said.readline())
        assert os.path.exists(f"/proc/{number}")
        parent.kill()
        parent.wait()
        assert said.read() == ""  # returns when the last one who could write is gone


def test_nothing_of_it_lives_on(probe, tmp_path):
    probe("leave_a_child", path=str(tmp_path))
    groups = [group_of(pid) for pid in os.listdir("/proc") if pid.isdigit()]
    assert not [line for line in groups if "registry.versions.process" in line]


def group_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file, open(f"/proc/{pid}/status") as status:
            mine = f"PPid:\t{os.getpid()}\n" in status.read() or "PPid:\t1\n" in status.read()
            return file.read() if mine else ""
    except OSError:
        return ""
