"""Files that are damaged, disguised or made to harm: refused with the reason, never executed."""

import io
import json
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from hamlet.checkpoint import load_training, save_inference, save_training
from hamlet.errors import CheckpointError
from hamlet.model import HamletModel
from hamlet.tensor_file import read_tensor_file
from hamlet.tensor_header import MOST_HEADER_BYTES
from tests.checkpoints.files import CREATED, RUN_SPEC, join, model_of, signed, split


class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.fixture
def good(tmp_path):
    return save_inference(tmp_path / "good.safetensors", model_of(), created_at=CREATED).path


def refusal_of(source):
    with pytest.raises(CheckpointError) as caught:
        HamletModel.load_from_checkpoint(source)
    return str(caught.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["model.safetensors", "model.pkl", "model.json"])
def test_a_pickle_is_refused_under_any_name_and_not_run(tmp_path, protocol, name):
    mark = tmp_path / "mark"
    path = tmp_path / name
    path.write_bytes(pickle.dumps(Trap(mark), protocol=protocol))
    message = refusal_of(path)
    assert "is a pickle" in message or "the header claims" in message
    assert not mark.exists()
    pickle.loads(path.read_bytes())  # the trap does work
    assert mark.exists()


@pytest.mark.parametrize("source", [None, 3, 1.5, ["a"], object(), {"path": "x"}])
def test_what_is_neither_path_nor_bytes_is_refused(source):
    assert "expected a path to a file, or its bytes" in refusal_of(source)
    with pytest.raises(CheckpointError, match="expected a path to a file"):
        load_training(source)
    with pytest.raises(CheckpointError, match="expected a path to a file"):
        read_tensor_file(source)


def test_a_layout_that_is_none_is_refused(good):
    with pytest.raises(CheckpointError, match="layout: found 'L0'; expected an ObservationLayout"):
        HamletModel.load_from_checkpoint(good, layout="L0")


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_of_torch_save_is_refused_and_not_run(tmp_path, legacy):
    mark = tmp_path / "mark"
    path = tmp_path / "model.safetensors"
    torch.save(Trap(mark), path, _use_new_zipfile_serialization=not legacy)
    message = refusal_of(path)
    assert ("a pickle" if legacy else "a zip archive (torch.save makes such files") in message
    assert not mark.exists()


def test_arrays_and_archives_are_called_by_their_name(tmp_path):
    array = tmp_path / "array.safetensors"
    with array.open("wb") as file:
        np.save(file, np.zeros(3))
    assert "a NumPy array" in refusal_of(array)
    archive = tmp_path / "archive.safetensors"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("data.pkl", b"")
    assert "a zip archive" in refusal_of(archive)


@pytest.mark.parametrize("data", [b"", b"1234567", b"\x00" * 8, b"{}", b"hello, this is text"])
def test_what_is_no_checkpoint_at_all_is_refused(data):
    assert refusal_of(data).startswith("checkpoint: ")


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    assert "cannot be read (No such file or directory)" in refusal_of(tmp_path / "none.safetensors")
    assert "not a regular file" in refusal_of(tmp_path)
    assert "cannot be read" in refusal_of("with\x00nul")


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, MOST_HEADER_BYTES + 1])
def test_a_header_length_that_lies_takes_no_memory(good, length):
    data = length.to_bytes(8, "little") + good.read_bytes()[8:]
    tracemalloc.start()
    message = refusal_of(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"the header claims {length} bytes; expected at most {MOST_HEADER_BYTES}" in message
    assert peak < 3 * len(data) + 100_000


def test_a_header_longer_than_the_file_is_truncated(good):
    data = good.read_bytes()
    assert "truncated: the header claims" in refusal_of(data[:100])
    assert "truncated: found" in refusal_of(data[:-1])
    assert "too long: found" in refusal_of(data + b"\x00")


def test_every_single_flipped_byte_is_noticed(good):
    data = good.read_bytes()
    # Every byte of the lengths and metadata would take long; a prime stride meets all parts.
    for place in [*range(8), *range(8, len(data), 97)]:
        damaged = bytearray(data)
        damaged[place] ^= 0x20
        refusal_of(bytes(damaged))


def test_a_changed_weight_is_found_by_the_digest(good):
    data = bytearray(good.read_bytes())
    data[-3] ^= 1
    message = refusal_of(bytes(data))
    assert "does not fit the content" in message
    assert "fetch it again" in message


def test_a_file_without_digest_is_refused(good):
    outer, numbers = split(good.read_bytes())
    del outer["__metadata__"]["digest"]
    assert "no digest" in refusal_of(join(outer, numbers))
    bare = safetensors.torch.save({"weight": torch.zeros(3)})
    assert "no digest; hamlet did not write this file" in refusal_of(bare)


def entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("tensors", "size", "part"),
    [
        ({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, 12, "'b' begins at 4 and overlaps"),
        ({"a": entry([2], 0, 8), "b": entry([2], 0, 8)}, 8, "overlaps the one before it"),
        ({"a": entry([2], 0, 8), "b": entry([2], 12, 20)}, 20, "leaves a gap; expected 8"),
        ({"a": entry([2], 8, 16)}, 16, "leaves a gap; expected 0"),
        ({"a": entry([2], -8, 0)}, 8, "data_offsets must be a list of whole numbers"),
        ({"a": entry([2], 8, 0)}, 8, "expected data_offsets [begin, end]"),
        ({"a": entry([2], 0, 8)}, 12, "too long: found 12 bytes"),
        ({"a": entry([3], 0, 12)}, 8, "truncated: found 8 bytes"),
        ({"a": entry([3], 0, 8)}, 8, "give it 8 bytes; F32 of shape [3] needs 12"),
        ({"a": entry([2**40, 2**40], 0, 8)}, 8, "give it 8 bytes"),
        ({"a": entry([2**60], 0, 8)}, 8, "shape must be a list of whole numbers"),
        ({"a": entry([-2], 0, 8)}, 8, "shape must be a list of whole numbers"),
        ({"a": entry([2.0], 0, 8)}, 8, "shape must be a list of whole numbers"),
        ({"a": entry([True, 2], 0, 8)}, 8, "shape must be a list of whole numbers"),
        ({"a": entry([1] * 17 + [2], 0, 8)}, 8, "at most 16 axes"),
        ({"a": entry([2], 0, 8, "O")}, 8, "found dtype 'O'; expected one of F64"),
        ({"a": entry([2], 0, 8, ["F32"])}, 8, "found dtype a list of 1"),
        ({"a": {"dtype": "F32", "shape": [2]}}, 8, "expected dtype, shape and data_offsets"),
        ({"a": 7}, 0, "expected dtype, shape and data_offsets"),
        ({"a": entry([1], 0, 1, "BOOL")}, 1, "a bool is neither 0 nor 1"),
    ],
)
def test_places_and_shapes_that_lie_are_refused(tensors, size, part):
    data = signed({"__metadata__": {}, **tensors}, b"\x07" * size)
    with pytest.raises(CheckpointError) as caught:
        read_tensor_file(data)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (b"[]", "the header is a list of 0; expected a mapping"),
        (b"{", "no valid JSON"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b'{"a": 1, "a": 2}', "a name stands twice"),
        (b'{"a": ' + b"9" * 5000 + b"}", "no valid JSON"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper than 200"),
        (b'{"\xff": 1}', "no valid JSON"),
        (b'{"__metadata__": {"a": 1}}', "must map names to text"),
        (b'{"__metadata__": []}', "must map names to text"),
    ],
)
def test_a_header_that_is_no_header_is_refused(header, part):
    assert part in refusal_of(join(header, b""))


def test_deep_json_inside_the_metadata_is_refused(good):
    outer, numbers = split(good.read_bytes())
    outer["__metadata__"]["header"] = "[" * 100_000
    assert "no valid JSON" in refusal_of(signed(outer, numbers))


@pytest.mark.parametrize(
    "form",
    [
        {"tensor": "nowhere"},
        {"tensor": "a", "map": {}},
        {"map": []},
        {"items": [["a"]]},
        {"items": [[["a"], 1]]},
        {"float": "1e5"},
        {"__reduce__": ["os.system", "true"]},
        {},
        {"map": {"a": {"tensor": "a"}, "b": {"tensor": "a"}}},
        {"map": {}},
    ],
)
def test_a_malformed_state_is_refused(tmp_path, form):
    header = {"run_spec": RUN_SPEC.to_data(), "run_spec_hash": RUN_SPEC.hash}
    path = save_training(tmp_path / "run.safetensors", {"a": torch.zeros(2)}, header).path
    outer, numbers = split(path.read_bytes())
    outer["__metadata__"]["state"] = json.dumps(form)
    with pytest.raises(CheckpointError, match="state: "):
        load_training(signed(outer, numbers))


def test_files_of_the_safetensors_library_are_read_with_every_type(tmp_path):
    generator = torch.Generator().manual_seed(1)
    tensors = {
        "f64": torch.rand(3, generator=generator, dtype=torch.float64),
        "f16": torch.rand(3, generator=generator).half(),
        "bf16": torch.rand(3, generator=generator).bfloat16(),
        "i8": torch.arange(5, dtype=torch.int8),
        "bool": torch.tensor([True, False]),
        "empty": torch.zeros(0, 4),
        "scalar": torch.tensor(7),
    }
    outer, numbers = split(safetensors.torch.save(tensors))
    found = read_tensor_file(signed(outer, numbers)).tensors
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_numbers_placed_askew_are_read_all_the_same():
    header = {"flag": entry([1], 0, 1, "U8"), "value": entry([2], 1, 9)}
    numbers = b"\x05" + np.array([1.5, -2.0], dtype="<f4").tobytes()
    found = read_tensor_file(signed(header, numbers)).tensors
    assert found["value"].tolist() == [1.5, -2.0]


def test_a_file_is_read_from_its_bytes_without_touching_them(good):
    data = good.read_bytes()
    before = bytes(data)
    model = HamletModel.load_from_checkpoint(data)
    with torch.no_grad():
        model.network.shared[0].weight.zero_()
    assert data == before
    assert io.BytesIO(data).read() == good.read_bytes()
