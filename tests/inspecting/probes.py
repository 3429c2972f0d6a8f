"""Programs that misbehave, run in the very process that looks into files."""

from __future__ import annotations

import ctypes
import os
import pickle
import socket
import subprocess
import sys
import time
from pathlib import Path

from registry.versions.process import lock


def surroundings() -> dict:
    return {
        "directory": os.getcwd(),
        "files": os.listdir("."),
        "environment": sorted(os.environ),
        "content": os.read(0, 100).decode(),
        "own_group": os.getpgid(0) == os.getpid(),
        "django": "django" in sys.modules,
    }


def answer(size: int) -> dict:
    return {"text": "x" * size}


def nonsense() -> dict:
    return {"format": "hamlet", "signature": 3}


def noise() -> dict:
    print("this is no answer")
    os.write(1, b"neither is this")
    os.write(2, b"and this goes to the log" * 100_000)
    return {"quiet": True}


def allocate() -> dict:
    blocks = []
    while True:
        blocks.append(bytearray(64 * 2**20))


def allocate_in_torch() -> dict:
    import torch

    return {"size": torch.ones(2**33).numel()}


def spin() -> dict:
    while True:
        pass


def sleep() -> dict:
    time.sleep(600)
    return {}


def say_and_sleep(path: str) -> dict:
    pipe = os.open(path, os.O_WRONLY)
    os.write(pipe, f"{os.getpid()}\n".encode())
    time.sleep(600)
    return {}


def crash() -> dict:
    ctypes.string_at(0)
    return {}


def quit_early() -> dict:
    os._exit(0)


def leave_a_child(path: str) -> dict:
    """A grandchild that lives on; only possible before the lock."""
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
    return {}


def open_a_socket() -> dict:
    lock()
    socket.socket()
    return {}


def resolve_a_name() -> dict:
    lock()
    socket.getaddrinfo("localhost", 80)
    return {}


def start_a_process() -> dict:
    lock()
    subprocess.run(["/bin/true"], check=False)
    return {}


def fork() -> dict:
    lock()
    os.fork()
    return {}


def run_a_command(path: str) -> dict:
    lock()
    os.system(f"touch {path}")
    return {}


def write_a_file(path: str) -> dict:
    lock()
    Path(path).write_text("x")
    return {}


def write_a_file_by_descriptor(path: str) -> dict:
    lock()
    os.open(path, os.O_WRONLY | os.O_CREAT)
    return {}


def remove_a_file(path: str) -> dict:
    lock()
    os.remove(path)
    return {}


def read_a_file(path: str) -> dict:
    lock()
    return {"text": Path(path).read_text()}


def unpickle() -> dict:
    content = pickle.dumps(Path.touch)
    lock()
    pickle.loads(content)
    return {}


def load_a_library() -> dict:
    lock()
    ctypes.CDLL(None)
    return {}


def write_without_lock(path: str) -> dict:
    """The kernel's limit, for code that no audit hook sees."""
    with open(path, "w") as file:
        file.write("x" * 10)
    return {}


def open_many() -> dict:
    return {"opened": [os.open(".", os.O_RDONLY) for _ in range(100)]}
