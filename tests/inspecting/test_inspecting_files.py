"""Files of every other kind, under every name: refused for what they are, and never opened."""

import hashlib
import io
import json
import os
import pickle
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from hamlet.checkpoint import save_inference, save_training
from hamlet.export import export_torchscript
from registry.versions import inspecting
from registry.versions.errors import FileRejectedError
from registry.versions.inspecting import inspect_file
from tests.checkpoints.files import CREATED, RUN_SPEC, join, signed, split, with_header
from tests.exporting.models import METADATA, model_of

NAMES = ["model.safetensors", "model.onnx", "model.json", "model.pt", "model"]


class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.fixture
def good(tmp_path):
    return save_inference(tmp_path / "good.safetensors", model_of(), created_at=CREATED).path


def refusal_of(path, **options):
    started = time.monotonic()
    with pytest.raises(FileRejectedError) as caught:
        inspect_file(path, **options)
    assert time.monotonic() - started < 60
    return str(caught.value)


def refusal_of_bytes(tmp_path, content, name="their.safetensors"):
    path = tmp_path / name
    path.write_bytes(content)
    return refusal_of(path)


@pytest.mark.parametrize("family", ["dueling", "recurrent_spatial"])
def test_a_checkpoint_is_found_in_order(tmp_path, family):
    model = model_of(family)
    path = save_inference(tmp_path / "good.bin", model).path
    found = inspect_file(path)
    assert found.format == "hamlet"
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.size_bytes == path.stat().st_size
    assert found.signature == json.loads(model.signature().to_json())
    assert found.metadata == METADATA
    assert found.brain_spec == model.network.spec.data
    assert found.report["parameter_count"] == model.parameter_count
    assert found.report["batch_sizes"] == [1, 32]


def test_metadata_of_any_length_does_not_stand_in_the_way(tmp_path):
    long = {"history": list(range(200_000))}
    path = save_inference(tmp_path / "good.safetensors", model_of(), long).path
    assert inspect_file(path).metadata == {}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", NAMES)
def test_a_pickle_is_refused_under_any_name_and_not_run(tmp_path, protocol, name):
    mark = tmp_path / "mark"
    content = pickle.dumps(Trap(mark), protocol=protocol)
    message = refusal_of_bytes(tmp_path, content, name)
    assert "pickle, which runs code when it is read" in message
    assert "hamlet.checkpoint.save_inference" in message
    assert not mark.exists()
    pickle.loads(content)  # the trap does work
    assert mark.exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_of_torch_save_is_refused_and_not_run(tmp_path, legacy):
    mark = tmp_path / "mark"
    buffer = io.BytesIO()
    torch.save(Trap(mark), buffer, _use_new_zipfile_serialization=not legacy)
    message = refusal_of_bytes(tmp_path, buffer.getvalue())
    assert ("PyTorch pickle" if legacy else "zip archive (torch.save and torch.jit.save") in message
    assert not mark.exists()


def test_torchscript_and_exported_programs_are_refused(tmp_path):
    path = export_torchscript(model_of(), tmp_path / "net.pt").path
    assert "zip archive (torch.save and torch.jit.save" in refusal_of(path)
    program = torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(3, 2),))
    torch.export.save(program, tmp_path / "net.pt2")
    assert "zip archive" in refusal_of(tmp_path / "net.pt2")


def test_arrays_of_objects_and_archives_are_refused_by_their_name(tmp_path):
    mark = tmp_path / "mark"
    array, tar, archive = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(array, np.array([Trap(mark)], dtype=object), allow_pickle=True)
    with tarfile.open(fileobj=tar, mode="w") as file:
        file.addfile(tarfile.TarInfo("pickle"))
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../../evil", b"")
    assert "a NumPy array" in refusal_of_bytes(tmp_path, array.getvalue())
    assert "a tar archive" in refusal_of_bytes(tmp_path, tar.getvalue())
    assert "a zip archive" in refusal_of_bytes(tmp_path, archive.getvalue())
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "the file is empty"),
        (b"brain: {type: feedforward}\n", "this is text"),
        (b'{"a": 1}', "this is text"),
        (b"<html>", "this is text"),
        (b"\x7fELF\x02\x01", "this is a program"),
        (b"\x00\x01\x02\x03" * 9, "a file that begins with"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"\x1f\x8b\x08", "a gzip archive"),
    ],
)
def test_other_files_are_called_what_they_are(tmp_path, content, part):
    assert part in refusal_of_bytes(tmp_path, content)


def test_a_training_checkpoint_is_no_version(tmp_path):
    header = {"run_spec": RUN_SPEC.to_data(), "run_spec_hash": RUN_SPEC.hash}
    path = save_training(tmp_path / "run.safetensors", {"a": torch.zeros(2)}, header).path
    message = refusal_of(path)
    assert "run.safetensors: this is a training_v1 file, from which a run goes on" in message


def test_plain_weights_are_told_what_they_lack(tmp_path):
    content = safetensors.torch.save(model_of().network.state_dict())
    message = refusal_of_bytes(tmp_path, content)
    assert "send the brain spec and the observation layout with them" in message


def test_the_other_format_is_refused_where_one_is_expected(good):
    message = refusal_of(good, expect="onnx")
    assert "found a hamlet inference checkpoint; expected an ONNX file" in message
    assert "only hamlet and onnx are looked into" in refusal_of(good, expect="torchscript")


def lying(good, change):
    outer, numbers = split(good.read_bytes())
    return change(outer, bytearray(numbers))


def nan_weights(outer, numbers):
    numbers[:4] = np.float32(np.nan).tobytes()
    return signed(outer, bytes(numbers))


def other_network(outer, numbers):
    """The header of one network, digest and all, with the weights of another."""
    other = model_of("feedforward").network.state_dict()
    tensors, raw = split(safetensors.torch.save(other))
    return signed({"__metadata__": outer["__metadata__"], **tensors}, raw)


def reshaped(outer, numbers):
    outer["shared.0.weight"]["shape"].reverse()
    return signed(outer, bytes(numbers))


def moved(outer, numbers):
    name = list(outer)[-1]
    outer[name]["data_offsets"] = [place - 4 for place in outer[name]["data_offsets"]]
    return signed(outer, bytes(numbers))


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (nan_weights, "holds NaN or infinite numbers"),
        (other_network, "the weights are not those of its brain spec"),
        (reshaped, "its brain spec needs"),
        (moved, "overlaps the one before it"),
        (lambda outer, numbers: join(outer, bytes(numbers[:-1]) + b"\x99"), "does not fit the"),
    ],
)
def test_checkpoints_that_lie_are_refused(tmp_path, good, change, part):
    message = refusal_of_bytes(tmp_path, lying(good, change), "theirs.safetensors")
    assert message.startswith("theirs.safetensors: ")
    assert part in message


@pytest.mark.parametrize("length", [2**63, 2**40])
def test_a_header_length_that_lies_is_refused(tmp_path, good, length):
    content = length.to_bytes(8, "little") + good.read_bytes()[8:]
    assert f"the header claims {length} bytes" in refusal_of_bytes(tmp_path, content)


def test_a_network_too_large_to_build_is_refused_before_it_is_built(tmp_path, good):
    def widen(header):
        header["brain_spec"]["architecture"]["dueling"]["shared_layers"] = [10**9]

    message = refusal_of_bytes(tmp_path, with_header(good.read_bytes(), widen))
    assert "brain_spec_hash" in message


def test_names_lead_nowhere(tmp_path, good):
    link = tmp_path / "link.safetensors"
    link.symlink_to(good)
    os.mkfifo(tmp_path / "pipe")
    assert "link.safetensors: cannot be read" in refusal_of(link)
    assert "not a regular file" in refusal_of(tmp_path / "pipe")
    assert "not a regular file" in refusal_of(tmp_path)
    assert "cannot be read (No such file" in refusal_of(tmp_path / "none")
    assert "cannot be read" in refusal_of(Path("with\x00nul"))


def test_a_name_is_safe_to_show(tmp_path):
    content = b"text"
    message = refusal_of_bytes(tmp_path, content, "a\x1b[31m\n" + "b" * 200)
    assert message.startswith("a?[31m?bbb")
    assert len(message) < 400
    assert inspect_refusal_with_name(tmp_path, "sent.onnx").startswith("sent.onnx: this is text")


def inspect_refusal_with_name(tmp_path, name):
    path = tmp_path / "upload"
    path.write_bytes(b"text")
    return refusal_of(path, name=name)


def test_a_file_beyond_the_bound_is_not_even_read(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(inspecting.MOST_FILE_BYTES + 1)  # sparse: it takes no room
    assert f"expected at most {inspecting.MOST_FILE_BYTES}" in refusal_of(path)
