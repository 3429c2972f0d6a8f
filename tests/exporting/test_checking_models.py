"""Checks of a model before it is trusted."""

import json

import onnx
import pytest
from onnx import TensorProto, helper

from hamlet.checking import ModelCheckError, check_model
from hamlet.onnx_model import OnnxModel
from tests.exporting.models import FAMILIES
from tests.inspecting.onnx_graphs import graph_bytes, value


@pytest.mark.parametrize("family", FAMILIES)
def test_a_good_model_passes_in_both_engines(family, onnx_files):
    model, report = onnx_files[family]
    for each in (model, OnnxModel.load_from_file(report.path)):
        found = check_model(each)
        assert found.batch_sizes == (1, 32)
        assert found.batch_difference <= 1e-5
        assert set(found.p50_us) == {1, 32}
        assert all(value > 0 for value in found.p50_us.values())
        assert found.outputs["q_values"] == (32, 8)
        assert found.parameter_count == each.parameter_count
        assert found.memory_bytes > found.weight_bytes > 0
        assert json.loads(json.dumps(found.to_data()))["most_rows"] == found.most_rows


def refusal_of(nodes, outputs, tensors=(), inputs=None):
    inputs = inputs or [value("x", "b", 3)]
    model = OnnxModel.load_from_bytes(graph_bytes(nodes, inputs, outputs, tensors))
    with pytest.raises(ModelCheckError) as caught:
        check_model(model)
    return str(caught.value)


def test_shapes_that_differ_from_the_declared_ones_are_found():
    """The engine itself only warns; the batch is folded into the row."""
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [1, -1])
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    text = refusal_of(nodes, [value("y", "b", 3)], [shape])
    assert "y: found float32 [1, 96] for zeros, batch of 32" in text
    assert "its signature says float32 [32, 3]" in text


def test_rows_that_see_each_other_are_found():
    """Normalised over the batch: a server would let one user's request change another's answer."""
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [0])
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["x", "mean"], ["y"]),
    ]
    text = refusal_of(nodes, [value("y", "b", 3)], [axes])
    assert "row 0 of a batch of 32 is answered otherwise than alone" in text


def test_answers_that_are_not_finite_are_found():
    nodes = [helper.make_node("Log", ["x"], ["y"])]
    text = refusal_of(nodes, [value("y", "b", 3)])
    assert "zeros, batch of 1: cannot be answered" in text
    assert "y is no longer finite" in text


def test_actions_without_a_name_are_found(onnx_files):
    proto = onnx.load(onnx_files["feedforward"][1].path)
    last = next(node for node in proto.graph.node if "actions" in node.output)
    last.output[0] = "chosen"
    proto.graph.node.append(helper.make_node("Add", ["chosen", "more"], ["actions"]))
    proto.graph.initializer.append(helper.make_tensor("more", TensorProto.INT64, [], [100]))
    with pytest.raises(ModelCheckError, match=r"actions: found 10\d to 10\d; expected 0 to 7"):
        check_model(OnnxModel.load_from_bytes(proto.SerializeToString()))


def test_an_input_that_the_graph_cannot_work_with_is_found():
    table = helper.make_tensor("table", TensorProto.FLOAT, [1, 2], [1, 2])
    nodes = [helper.make_node("Gather", ["table", "word"], ["y"])]
    inputs = [value("word", "b", dtype=TensorProto.INT64)]
    text = refusal_of(nodes, [value("y", "b", 2)], [table], inputs)
    assert "random input, batch of 32: cannot be answered: inputs: the model cannot work" in text
