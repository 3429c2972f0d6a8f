"""Writing: a name stands for a whole file or for none, whatever happens meanwhile."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from hamlet.checkpoint import save_inference
from hamlet.model import HamletModel
from hamlet.tensor_file import read_tensor_file, write_tensor_file
from tests.checkpoints.files import model_of

KEEP_WRITING = """
import sys, torch
from hamlet.tensor_file import write_tensor_file
print("ready", flush=True)
number = 0
while True:
    number += 1
    write_tensor_file(sys.argv[1], {"a": torch.full((200_000,), float(number))}, {})
"""


def test_nothing_but_the_file_is_left_beside_it(tmp_path):
    saved = save_inference(tmp_path / "model.safetensors", model_of())
    assert list(tmp_path.iterdir()) == [saved.path]


def test_the_numbers_reach_the_disk_before_the_name_and_the_name_before_the_answer(
    tmp_path, monkeypatch
):
    calls = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle):
        calls.append("directory" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def noted_replace(source, target):
        calls.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    save_inference(tmp_path / "model.safetensors", model_of())
    assert calls == ["file", "rename", "directory"]


def test_a_failed_write_leaves_the_old_file_and_no_trace(tmp_path):
    path = tmp_path / "model.safetensors"
    save_inference(path, model_of())
    before = path.read_bytes()
    # A directory in the place of the target makes the rename itself fail.
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "inside").touch()
    with pytest.raises(OSError, match="blocked"):
        save_inference(blocked, model_of())
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["blocked", "model.safetensors"]


def test_a_missing_directory_is_the_disks_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        save_inference(tmp_path / "none" / "model.safetensors", model_of())


def test_a_reader_beside_a_writer_never_sees_half_a_file(tmp_path):
    path = tmp_path / "model.safetensors"
    models = [model_of(seed=1), model_of(seed=2)]
    save_inference(path, models[0])
    stop = threading.Event()

    def write():
        for number in range(60):
            save_inference(path, models[number % 2])
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not stop.is_set():
        HamletModel.load_from_checkpoint(path)
        reads += 1
    writer.join()
    assert reads > 0


def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    path = tmp_path / "model.safetensors"
    root = Path(__file__).parents[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", KEEP_WRITING, str(path)], cwd=root, stdout=subprocess.PIPE
    )
    try:
        assert writer.stdout.readline() == b"ready\n"
        while not path.exists():
            assert writer.poll() is None
        for _ in range(20):  # somewhere in the middle of a later write
            assert read_tensor_file(path).tensors["a"].unique().numel() == 1
    finally:
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    assert read_tensor_file(path).tensors["a"].unique().numel() == 1


def test_tensors_lie_where_their_numbers_may(tmp_path):
    tensors = {
        "a": torch.zeros(3, dtype=torch.uint8),
        "b": torch.zeros(3),
        "c": torch.zeros(3).double(),
    }
    path = write_tensor_file(tmp_path / "mixed.safetensors", tensors, {}).path
    for tensor in read_tensor_file(path).tensors.values():
        assert tensor.data_ptr() % tensor.element_size() == 0
