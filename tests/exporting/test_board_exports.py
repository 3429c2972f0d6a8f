"""Networks of a board in other engines: the same answers over legal positions, one by one too."""

import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from hamlet.checking import check_model
from hamlet.export import ExportError, export_onnx, export_torchscript, measure_parity
from hamlet.export_set import export_onnx_set
from hamlet.model import HamletModel
from hamlet.onnx_model import OnnxModel
from hamlet.sample_inputs import POSITION_ROWS, random_inputs
from tests.brains.boards import BOARD_FAMILIES, board_network, positions, unsettled


def model_of(family: str) -> HamletModel:
    return HamletModel(unsettled(board_network(family)), {"level": family})


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """{family: (model, report)}"""
    folder = tmp_path_factory.mktemp("boards")
    models = {family: model_of(family) for family in BOARD_FAMILIES}
    return {
        family: (model, export_onnx(model, folder / f"{family}.onnx"))
        for family, model in models.items()
    }


@pytest.fixture(params=BOARD_FAMILIES)
def exported(request, exports):
    return exports[request.param]


def session_of(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def test_parity_is_measured_over_a_thousand_positions_and_special_ones(exported):
    _, report = exported
    cases = report.parity.cases
    assert sum(case.rows for case in cases if case.inputs == "random") == 1000 == sum(POSITION_ROWS)
    assert {case.inputs for case in cases} == {
        *("random", "alone"),
        *("empty", "nearly full", "forced"),
    }
    assert {case.rows for case in cases if case.inputs == "random"} == {1, 2, 64}
    assert report.parity.worst.absolute <= 1e-4
    assert next(c for c in cases if c.inputs == "alone").difference.absolute <= 1e-5
    assert report.parity.reaches_goal
    assert "batches of 1, 2, 64" in str(report)


def test_the_file_is_one_graph_of_standard_operators(exported):
    model, report = exported
    proto = onnx.load(report.path, load_external_data=False)
    onnx.checker.check_model(proto, full_check=True)
    assert [(each.domain, each.version) for each in proto.opset_import] == [("", 18)]
    assert {node.domain for node in proto.graph.node} == {""}
    assert not any(tensor.external_data for tensor in proto.graph.initializer)
    words = {entry.key: entry.value for entry in proto.metadata_props}
    assert json.loads(words["hamlet.signature"])["adapter"] == "connect_four"
    session = session_of(report.path)
    assert [(v.name, v.shape) for v in session.get_inputs()] == [("input", ["batch", 3, 6, 7])]
    assert [(v.name, v.shape) for v in session.get_outputs()] == [
        ("policy", ["batch", 7]),
        ("value", ["batch", 1]),
    ]


@pytest.mark.parametrize("rows", [1, 5, 100])
def test_any_batch_is_answered_as_by_the_model(exported, rows):
    model, report = exported
    planes = positions(rows, seed=rows)
    policy, value = session_of(report.path).run(None, {"input": planes.numpy()})
    expected = model.run({"input": planes})
    np.testing.assert_allclose(policy, expected["policy"].numpy(), atol=1e-5)
    np.testing.assert_allclose(value, expected["value"].numpy(), atol=1e-5)


def test_both_engines_pass_the_check_before_a_model_is_trusted(exported):
    model, report = exported
    for each in (model, OnnxModel.load_from_file(report.path)):
        found = check_model(each)
        assert found.batch_difference <= 1e-5
        assert found.outputs["policy"][1:] == (7,)


@pytest.mark.parametrize("family", BOARD_FAMILIES)
def test_torchscript_answers_the_same(family, tmp_path):
    model = model_of(family)
    report = export_torchscript(model, tmp_path / "net.pt")
    assert report.parity.reaches_goal
    planes = positions(9)
    policy, value = torch.jit.load(report.path)(planes)
    expected = model.run({"input": planes})
    assert torch.allclose(policy, expected["policy"], atol=1e-5)
    assert torch.allclose(value, expected["value"], atol=1e-5)


def test_the_same_model_gives_the_same_bytes(exports, tmp_path):
    model, report = exports["ensemble"]
    assert export_onnx(model, tmp_path / "again.onnx").sha256 == report.sha256


def test_the_head_for_the_reply_is_no_part_of_the_file(exports):
    proto = onnx.load(exports["transformer"][1].path)
    assert not [tensor.name for tensor in proto.graph.initializer if "reply" in tensor.name]


def test_muzero_is_exported_with_its_parts(tmp_path):
    model = model_of("muzero")
    reports = export_onnx_set(model, tmp_path / "net.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "net.dynamics.onnx",
        "net.onnx",
        "net.prediction.onnx",
        "net.representation.onnx",
    ]
    assert all(report.parity.reaches_goal for report in reports.values())
    planes, action = positions(4), np.array([0, 3, 6, 2])
    asked = {name: session_of(report.path) for name, report in reports.items()}
    (latent,) = asked["representation"].run(None, {"input": planes.numpy()})
    after, reward = asked["dynamics"].run(None, {"latent": latent, "action": action})
    policy, value = asked["prediction"].run(None, {"latent": after})
    network = model.network
    expected, paid = network.dynamics(network.represent(planes), torch.from_numpy(action))
    np.testing.assert_allclose(after, expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(reward, paid.numpy(), atol=1e-5)
    np.testing.assert_allclose(policy, network.predict(expected)[0].numpy(), atol=1e-5)
    whole, _ = asked["model"].run(None, {"input": planes.numpy()})
    first, _ = asked["prediction"].run(None, {"latent": latent})
    np.testing.assert_allclose(whole, first, atol=1e-5)
    for report in reports.values():
        check_model(OnnxModel.load_from_file(report.path))


def test_other_families_have_one_file(tmp_path):
    assert list(export_onnx_set(model_of("ppo"), tmp_path / "net.onnx")) == ["model"]


def test_a_part_that_fails_leaves_no_file(tmp_path):
    model = model_of("muzero")
    with torch.no_grad():
        model.network.reward_head[-3].bias.fill_(1e10)
        model.network.reward_head[-1].weight.fill_(3e38)
    with pytest.raises(ExportError, match="numbers so large that reward"):
        export_onnx_set(model, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_answers_that_differ_by_a_little_are_refused(exports, tmp_path):
    model, _ = exports["alphazero"]

    def shifted(inputs):
        outputs = model.run_checked(inputs)
        return {**outputs, "policy": outputs["policy"] + 2e-4}

    worst = measure_parity(model, shifted).worst
    assert worst.absolute == pytest.approx(2e-4, rel=0.01)

    def by_company(inputs):
        outputs = model.run_checked(inputs)
        return {**outputs, "value": outputs["value"] + 1e-3 * len(inputs["input"])}

    with pytest.raises(
        ExportError, match="a batch of 64 is answered otherwise than its rows alone"
    ):
        measure_parity(model, by_company)


def test_large_logits_that_differ_absolutely_are_not_written(tmp_path):
    """Two engines round a logit of 10,000 by more than 1e-4, though it is 1e-7 of it."""
    model = model_of("ppo")
    with torch.no_grad():
        model.network.policy_head[-1].weight.mul_(3e4)
    with pytest.raises(ExportError, match="was not written"):
        export_onnx(model, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_a_signature_that_only_claims_to_be_a_board_is_tried_with_noise():
    signature = model_of("ppo").signature()
    other = replace(signature.inputs[0], shape=(-1, 2, 6, 7))
    generator = torch.Generator().manual_seed(0)
    drawn = random_inputs(replace(signature, inputs=(other,)), 3, generator)["input"]
    assert drawn.shape == (3, 2, 6, 7)
    assert bool((drawn != drawn.round()).any())
    elsewhere = random_inputs(replace(signature, adapter="town"), 3, generator)["input"]
    assert bool((elsewhere != elsewhere.round()).any())
