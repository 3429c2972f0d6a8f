"""ONNX files: the same answers in another engine, and all that a model says of itself inside."""

import json
import logging

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from hamlet.brains.blocks import ACTIVATIONS
from hamlet.durability import write_whole
from hamlet.export import ExportError, export_onnx, measure_parity
from hamlet.schema import content_hash
from tests.exporting.models import FAMILIES, METADATA, TWO_LAYERS, model_of, observations


@pytest.fixture(params=FAMILIES)
def exported(request, onnx_files):
    return onnx_files[request.param]


def session_of(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def test_parity_reaches_the_goal_and_is_printed(exported):
    _, report = exported
    assert report.parity.worst.relative < 1e-5
    assert report.parity.worst.absolute < 1e-5
    assert len(report.parity.cases) == 9
    assert "goal 1e-05 reached" in str(report)
    told = json.loads(json.dumps(report.to_data()))
    assert told["parity"]["reaches_goal"]
    assert told["opset"] == 18
    assert told["size_bytes"] == report.path.stat().st_size


@pytest.mark.parametrize("rows", [1, 2, 7, 100])
def test_any_batch_size_is_answered_as_by_the_model(exported, rows):
    model, report = exported
    session = session_of(report.path)
    obs = observations(rows)
    feed = {"observation": obs.numpy(), "action_mask": np.ones((rows, 8), dtype=bool)}
    for spec in model.signature().inputs[2:]:
        feed[spec.name] = np.zeros((1, rows, 12), dtype=np.float32)
    actions, q_values, *_ = session.run(None, feed)
    expected = model.run({"observation": obs})
    np.testing.assert_allclose(q_values, expected["q_values"].numpy(), atol=1e-6)
    assert actions.tolist() == expected["actions"].tolist()


def test_names_and_types_are_those_of_the_signature(exported):
    model, report = exported
    session = session_of(report.path)
    signature = model.signature()
    assert [value.name for value in session.get_inputs()] == [s.name for s in signature.inputs]
    assert [value.name.removeprefix("next_") for value in session.get_outputs()] == [
        spec.name for spec in signature.outputs
    ]
    assert session.get_inputs()[0].shape == ["batch", 164]
    assert session.get_inputs()[1].type == "tensor(bool)"
    assert session.get_outputs()[0].type == "tensor(int64)"


def test_a_recurrent_net_goes_on_from_the_state_it_gave(onnx_files):
    model, report = onnx_files["recurrent_spatial"]
    session = session_of(report.path)
    mask = np.ones((2, 8), dtype=bool)
    state = {name: np.zeros((1, 2, 12), dtype=np.float32) for name in ("hidden_h", "hidden_c")}
    hidden = None
    for step in range(4):
        obs = observations(2, seed=step)
        feed = {"observation": obs.numpy(), "action_mask": mask, **state}
        names = ["q_values", "next_hidden_h", "next_hidden_c"]
        q_values, state["hidden_h"], state["hidden_c"] = session.run(names, feed)
        answer = model.predict(obs, hidden)
        hidden = answer["hidden"]
        np.testing.assert_allclose(q_values, answer["q_values"].numpy(), atol=1e-5)
    assert np.abs(state["hidden_h"]).max() > 0


def test_a_mask_chooses_among_the_legal_actions(onnx_files):
    model, report = onnx_files["dueling"]
    obs = observations(8)
    mask = torch.zeros(8, 8, dtype=torch.bool)
    mask[torch.arange(8), torch.arange(8)] = True
    actions, _ = session_of(report.path).run(
        None, {"observation": obs.numpy(), "action_mask": mask.numpy()}
    )
    assert actions.tolist() == list(range(8))


def test_the_file_says_what_it_is(exported):
    model, report = exported
    proto = onnx.load(report.path)
    onnx.checker.check_model(proto, full_check=True)
    assert [(each.domain, each.version) for each in proto.opset_import] == [("", 18)]
    words = {entry.key: entry.value for entry in proto.metadata_props}
    signature = json.loads(words["hamlet.signature"])
    assert signature["layout"] == model.network.layout.to_data()
    assert signature["hashes"]["brain_spec"] == model.network.hash
    assert content_hash(json.loads(words["hamlet.brain_spec"])) == model.network.hash
    assert json.loads(words["hamlet.metadata"]) == METADATA


def test_nothing_in_the_file_tells_of_the_machine(exported):
    content = exported[1].path.read_bytes()
    for trace in (b"/home", b"/work", b"site-packages", b"Traceback", b".py", b"aten"):
        assert trace not in content


@pytest.mark.parametrize("family", ["feedforward", "recurrent_spatial"])
def test_the_same_model_gives_the_same_bytes(family, onnx_files, tmp_path):
    model, report = onnx_files[family]
    assert export_onnx(model, tmp_path / "again.onnx").sha256 == report.sha256


@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"relu"}))
def test_every_activation_is_exported(activation, tmp_path):
    model = model_of("feedforward", architecture__feedforward__activation=activation)
    assert export_onnx(model, tmp_path / "net.onnx").parity.reaches_goal


def test_several_recurrent_layers_and_dropout_are_exported(tmp_path):
    model = model_of("recurrent_spatial", **TWO_LAYERS)
    assert export_onnx(model, tmp_path / "deep.onnx").parity.reaches_goal
    model = model_of("dueling", architecture__dueling__dropout=0.5)
    assert export_onnx(model, tmp_path / "dropout.onnx").parity.reaches_goal


def test_exporting_leaves_the_model_and_the_world_as_they_were(tmp_path):
    model = model_of("feedforward")
    obs = observations(2)
    before = model.predict(obs)["q_values"]
    state = torch.get_rng_state()
    level = logging.getLogger("torch.onnx").level
    export_onnx(model, tmp_path / "net.onnx")
    assert torch.equal(model.predict(obs)["q_values"], before)
    assert torch.equal(torch.get_rng_state(), state)
    assert logging.getLogger("torch.onnx").level == level
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_answers_that_differ_are_refused_and_nothing_is_written(tmp_path):
    """Advantages of a million that cancel: what is left is how each engine rounds."""
    model = model_of("dueling")
    with torch.no_grad():
        last = model.network.advantage[-1]
        last.weight.copy_(last.weight[:1] * 1e7)
        last.bias.fill_(0.0)
    path = tmp_path / "net.onnx"
    path.write_bytes(b"what was there")
    with pytest.raises(ExportError, match=r"net.onnx was not written: parity .* limit 1e-04"):
        export_onnx(model, path)
    assert path.read_bytes() == b"what was there"
    assert len(list(tmp_path.iterdir())) == 1


def test_parity_sees_a_difference_of_shape(onnx_files):
    model, _ = onnx_files["dueling"]

    def narrower(inputs):
        outputs = model.run_checked(inputs)
        return {**outputs, "q_values": outputs["q_values"][:, :7]}

    with pytest.raises(ExportError, match=r"q_values is float32 \[1, 7\] .* expected .*\[1, 8\]"):
        measure_parity(model, narrower)


def test_parity_counts_actions_that_differ(onnx_files):
    model, _ = onnx_files["dueling"]

    def contrary(inputs):
        outputs = model.run_checked(inputs)
        return {**outputs, "actions": outputs["q_values"].argmin(dim=1)}

    assert measure_parity(model, contrary).worst.choices > 0


def test_a_disk_that_refuses_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "net.onnx", b"x")
    assert not list(tmp_path.iterdir())
