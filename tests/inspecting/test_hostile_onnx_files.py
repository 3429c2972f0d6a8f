"""ONNX files that lie, reach out or explode: refused with the reason, in bounded memory."""

import os
import random
import tracemalloc

import pytest
from onnx import TensorProto, helper

from hamlet.onnx_files import OnnxFileError, read_onnx
from hamlet.onnx_model import OnnxModel
from registry.versions.errors import FileRejectedError
from registry.versions.inspecting import inspect_file
from tests.inspecting.onnx_corpus import CORPUS
from tests.inspecting.onnx_graphs import graph_bytes, linear, value


def refusal_of(content):
    with pytest.raises(OnnxFileError) as caught:
        OnnxModel.load_from_bytes(content, name="their.onnx")
    return str(caught.value)


def test_the_file_all_others_are_made_from_is_right():
    model = OnnxModel.load_from_bytes(linear().SerializeToString())
    assert model.run({"x": [[1.0, 0.0, 0.0]]})["q_values"].tolist() == [[0.5, -1.0]]


@pytest.mark.parametrize("name", CORPUS)
def test_it_is_refused_with_the_reason(name):
    make, part = CORPUS[name]
    content = make().SerializeToString()
    tracemalloc.start()
    message = refusal_of(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message.startswith("their.onnx: ")
    assert part in message
    assert len(message) < 600
    assert peak < 20 * len(content) + 2**20


@pytest.mark.parametrize(
    "content",
    [b"", b"\x08", b"\x08\x09", b"\xff" * 100, b"\x08\x09" + b"\x00" * 50, b"\x0a" * 99],
)
def test_bytes_that_are_no_onnx_are_refused(content):
    assert refusal_of(content).startswith("their.onnx: ")


def test_a_file_cut_anywhere_or_damaged_is_refused_or_harmless():
    content = linear().SerializeToString()
    drawn = random.Random(5)
    for end in range(0, len(content) - 1, 7):
        refusal_of(content[:end])
    for _ in range(300):
        damaged = bytearray(content)
        damaged[drawn.randrange(len(content))] ^= 1 << drawn.randrange(8)
        assert outcome_of(bytes(damaged))


def outcome_of(content):
    try:
        return read_onnx(content, "their.onnx")
    except OnnxFileError as error:
        return str(error)


def test_graphs_inside_of_graphs_without_end_are_refused():
    """If in If in If: a graph (field 7 of the model), whose node (1) has an attribute (5) that
    holds a graph (6), and so on."""
    content = b""
    for _ in range(2000):
        for field in (6, 5, 1):
            content = wrapped(field, content)
    assert "cannot be parsed" in refusal_of(b"\x08\x09" + wrapped(7, content))


def wrapped(field, content):
    """As protobuf writes a message inside of a message: number, length, bytes."""
    length, size = b"", len(content)
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([field << 3 | 2]) + length + bytes([size]) + content


def refused(tmp_path, content, name="their.onnx"):
    path = tmp_path / name
    path.write_bytes(content)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(FileRejectedError) as caught:
        inspect_file(path)
    assert sorted(os.listdir(tmp_path)) == before
    return str(caught.value)


def of_shape(*shape, nodes, outputs=None):
    """A file whose constants, worked out while it is loaded, make something huge."""
    sizes = helper.make_tensor("sizes", TensorProto.INT64, [len(shape)], shape)
    inputs = [value("x", "b", 1)]
    return graph_bytes(nodes, inputs, outputs or [value("y", "b", 1)], [sizes])


def test_a_constant_of_a_terabyte_is_refused(tmp_path):
    nodes = [
        helper.make_node("ConstantOfShape", ["sizes"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    message = refused(tmp_path, of_shape(2**20, 2**18, nodes=nodes))
    assert "memory" in message or "the engine refuses it" in message


def test_constants_that_double_forty_times_are_refused(tmp_path):
    nodes = [helper.make_node("ConstantOfShape", ["sizes"], ["v0"])]
    nodes += [
        helper.make_node("Concat", [f"v{i}", f"v{i}"], [f"v{i + 1}"], axis=0) for i in range(40)
    ]
    nodes += [
        helper.make_node("ReduceSum", ["v40"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    message = refused(tmp_path, of_shape(1000, nodes=nodes))
    assert "memory" in message or "the engine refuses it" in message


def test_operators_whose_shapes_contradict_each_other_are_refused(tmp_path):
    content = linear()
    content.graph.input[0].CopyFrom(value("x", "batch", 4))
    assert "their.onnx: " in refused(tmp_path, content.SerializeToString())


def test_external_data_is_refused_in_the_process_too(tmp_path):
    make, _ = CORPUS["external_data_of_another_file"]
    assert "external data" in refused(tmp_path, make().SerializeToString())


def test_a_right_file_of_strangers_is_taken(tmp_path):
    path = tmp_path / "their.onnx"
    path.write_bytes(linear().SerializeToString())
    found = inspect_file(path, expect="onnx")
    assert found.format == "onnx"
    assert found.report["outputs"] == {"q_values": [32, 2]}
    assert [spec["name"] for spec in found.signature["inputs"]] == ["x"]
    assert found.read_signature().to_data() == found.signature
    assert found.brain_spec is None
