"""OnnxModel answers as HamletModel does, and takes files that others made."""

import threading

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from hamlet.errors import InputError
from hamlet.onnx_model import OnnxModel
from hamlet.onnx_tensors import OnnxFileError
from hamlet.signature import BATCH
from tests.exporting.models import FAMILIES, METADATA, observations
from tests.inspecting.onnx_graphs import graph_bytes, value


@pytest.fixture(params=FAMILIES)
def pair(request, onnx_files):
    model, report = onnx_files[request.param]
    return model, OnnxModel.load_from_file(report.path)


def test_it_has_the_signature_and_the_words_of_the_model(pair):
    model, other = pair
    assert other.signature() == model.signature()
    assert other.metadata == METADATA
    assert other.adapter == "town"
    assert other.is_recurrent == model.is_recurrent
    assert other.brain_spec == model.network.spec.data
    assert abs(other.parameter_count - model.parameter_count) <= 32  # equal weights stand once
    assert other.weight_bytes >= 4 * other.parameter_count


@pytest.mark.parametrize("rows", [1, 3, 40])
def test_what_is_optional_may_be_left_out(pair, rows):
    model, other = pair
    obs = observations(rows)
    expected, found = model.run({"observation": obs}), other.run({"observation": obs.tolist()})
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.allclose(found[name], tensor, atol=1e-6)
    arrays = other.run_arrays({"observation": obs.numpy()})
    assert np.array_equal(arrays["q_values"], found["q_values"].numpy())


def test_filling_is_not_remembered_from_one_question_to_the_next(pair):
    _, other = pair
    obs = observations(3)
    free = other.run({"observation": obs})
    mask = torch.zeros(3, 8, dtype=torch.bool)
    mask[:, 5] = True
    assert other.run({"observation": obs, "action_mask": mask})["actions"].tolist() == [5, 5, 5]
    again = other.run({"observation": obs})
    assert all(torch.equal(free[name], again[name]) for name in free)


def test_wrong_inputs_are_refused_by_name(pair):
    _, other = pair
    with pytest.raises(InputError, match=r"observation\[0\]: found 3 entries; expected 164"):
        other.run({"observation": [[0.0] * 3]})
    with pytest.raises(InputError, match="q_values is no longer finite"):
        overflowing().run({"x": [[3e38, 3e38]]})


def test_threads_share_one_model(pair):
    _, other = pair
    obs = [observations(2, seed=seed) for seed in range(4)]
    expected = [other.run({"observation": each})["q_values"] for each in obs]
    wrong = []

    def ask(index):
        for _ in range(30):
            found = other.run({"observation": obs[index]})["q_values"]
            if not torch.equal(found, expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def overflowing():
    weights = helper.make_tensor("w", TensorProto.FLOAT, [2, 2], [1e10] * 4)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["q_values"])]
    content = graph_bytes(nodes, [value("x", "b", 2)], [value("q_values", "b", 2)], [weights])
    return OnnxModel.load_from_bytes(content)


def test_a_file_made_elsewhere_takes_and_gives_what_its_graph_declares():
    weights = helper.make_tensor("w", TensorProto.FLOAT, [3, 2], range(6))
    nodes = [
        helper.make_node("Gemm", ["input.1", "w"], ["onnx::Relu_3"]),
        helper.make_node("Relu", ["onnx::Relu_3"], ["out:0"]),
    ]
    content = graph_bytes(
        nodes, [value("input.1", "N", 3), value("w", 3, 2)], [value("out:0", "M", 2)], [weights]
    )
    model = OnnxModel.load_from_bytes(content, name="foreign.onnx")
    signature = model.signature()
    assert [(spec.name, spec.dtype, spec.shape) for spec in signature.inputs] == [
        ("input.1", "float32", (BATCH, 3))
    ]
    assert [spec.name for spec in signature.outputs] == ["out:0"]
    assert signature.layout is None
    assert model.brain_spec is None
    assert model.run({"input.1": [[1.0, 1.0, 1.0]]})["out:0"].tolist() == [[6.0, 9.0]]


def test_whole_numbers_and_bools_are_taken_too():
    table = helper.make_tensor("table", TensorProto.FLOAT, [4, 2], range(8))
    nodes = [
        helper.make_node("Gather", ["table", "word"], ["rows"]),
        helper.make_node("Cast", ["flag"], ["as_float"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["rows", "as_float"], ["q_values"]),
        helper.make_node("ArgMax", ["q_values"], ["actions"], axis=1, keepdims=0),
    ]
    inputs = [
        value("word", "b", dtype=TensorProto.INT64),
        value("flag", "b", 2, dtype=TensorProto.BOOL),
    ]
    outputs = [value("q_values", "b", 2), value("actions", "b", dtype=TensorProto.INT64)]
    model = OnnxModel.load_from_bytes(graph_bytes(nodes, inputs, outputs, [table]))
    answer = model.run({"word": [3, 0], "flag": [[True, False], [False, False]]})
    assert answer["q_values"].tolist() == [[7.0, 7.0], [0.0, 1.0]]
    assert answer["actions"].tolist() == [0, 1]
    with pytest.raises(InputError, match="the model cannot work with them: .*out of .*bounds"):
        model.run({"word": [99], "flag": [[True, False]]})


def test_a_value_that_grows_with_the_square_of_the_batch_lowers_most_rows():
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["all_pairs"]),
        helper.make_node("ReduceSum", ["all_pairs"], ["y"], keepdims=1),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes[-1].input.append("axes")
    content = graph_bytes(nodes, [value("x", "b", 4)], [value("y", "b", 1)], [axes])
    assert OnnxModel.load_from_bytes(content).signature().most_rows < 4096


def test_an_answer_that_would_take_gigabytes_is_an_error_and_the_next_is_answered():
    """The shape comes out of the numbers of a request, so only running it shows what it takes."""
    constants = [
        helper.make_tensor("whole", TensorProto.INT64, [1], [-1]),
        helper.make_tensor("one", TensorProto.INT64, [1], [1]),
    ]
    nodes = [
        helper.make_node("Reshape", ["n", "whole"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("Expand", ["sum", "one"], ["y"]),
    ]
    inputs = [value("n", "b", dtype=TensorProto.INT64)]
    model = OnnxModel.load_from_bytes(graph_bytes(nodes, inputs, [value("y", "b")], constants))
    with pytest.raises(InputError, match="more than 512 MiB of memory"):
        model.run({"n": [10**9]})
    assert model.run({"n": [1000]})["y"].tolist() == [0.0]


def test_words_that_do_not_fit_the_graph_are_refused(onnx_files):
    _, report = onnx_files["dueling"]
    proto = onnx.load(report.path)
    words = {entry.key: entry for entry in proto.metadata_props}
    signature = words["hamlet.signature"].value

    def refusal(key, text):
        words[key].value = text
        with pytest.raises(OnnxFileError) as caught:
            OnnxModel.load_from_bytes(proto.SerializeToString())
        return str(caught.value)

    narrower = signature.replace('"shape":[-1,164]', '"shape":[-1,163]')
    assert "its graph has observation float32 [batch, 164]" in refusal("hamlet.signature", narrower)
    assert "not valid JSON" in refusal("hamlet.signature", "{")
    hidden = signature.replace('"UP"', '"Up"')
    assert "the hash of its layout" in refusal("hamlet.signature", hidden)
    words["hamlet.signature"].value = signature
    assert "another hash" in refusal("hamlet.brain_spec", '{"a":1}')
    assert "no valid JSON" in refusal("hamlet.brain_spec", '{"a":NaN}')
    assert "found hamlet.format 'onnx_v2'" in refusal("hamlet.format", "onnx_v2")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(OnnxFileError, match=r"none.onnx: cannot be read \(No such file"):
        OnnxModel.load_from_file(tmp_path / "none.onnx")
