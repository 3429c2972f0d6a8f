"""Training checkpoints: any plain tree comes back as it was, and a model can be loaded from it."""

import math

import pytest
import torch

from hamlet.brains import compile_brain, make_optimizer, make_scheduler
from hamlet.checkpoint import load_training, read_checkpoint, save_training, training_header
from hamlet.errors import CheckpointError
from hamlet.model import HamletModel
from tests.brains.layouts import TINY
from tests.brains.specs import Q_FAMILIES, small
from tests.checkpoints.files import CREATED, METADATA, RUN_SPEC, model_of, with_header

HEADER = {"run_spec": RUN_SPEC.to_data(), "run_spec_hash": RUN_SPEC.hash}


def round_trip(tmp_path, state):
    path = save_training(tmp_path / "run.safetensors", state, HEADER).path
    return load_training(path)[0]


def same(one, other):
    if isinstance(one, dict) != isinstance(other, dict):
        return False
    if not isinstance(one, dict) and type(one) is not type(other):
        return False  # state_dict() gives an OrderedDict, and a plain one comes back
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or (one != one and other != other)


def test_a_tree_of_every_kind_comes_back_with_types_order_and_bits(tmp_path):
    state = {
        "weights": {"b": torch.rand(3, 2), "a": torch.rand(2)},
        "flags": torch.tensor([True, False]),
        "empty": torch.zeros(0, 5),
        "scalar": torch.tensor(3, dtype=torch.int16),
        "rng": torch.Generator().get_state(),
        "half": torch.rand(3).bfloat16(),
        "numbers": [0.1, 1e-300, -0.0, 2**70, -5, True, None, "text \u2713\n"],
        "not finite": [math.inf, -math.inf, math.nan],
        "by index": {0: {"step": torch.tensor(1.0)}, 1: (0.9, 0.999)},
        "nested/name": torch.ones(1),
        "nested": {"name": torch.zeros(1)},
        "looks like a form": {"tensor": "weights/a", "float": "nan"},
        "nothing": {"list": [], "dict": {}, "tuple": ()},
    }
    assert same(round_trip(tmp_path, state), state)


def test_a_view_and_a_gradient_tensor_are_kept_by_value(tmp_path):
    base = torch.arange(12.0).reshape(3, 4)
    state = {"column": base[:, 1], "flipped": base.T, "leaf": torch.ones(2, requires_grad=True)}
    back = round_trip(tmp_path, state)
    assert torch.equal(back["column"], base[:, 1])
    assert torch.equal(back["flipped"], base.T)
    assert not back["leaf"].requires_grad


def test_loaded_tensors_may_be_written_to(tmp_path):
    back = round_trip(tmp_path, {"a": torch.zeros(3), "b": torch.zeros(3)})
    back["a"].fill_(1.0)
    assert not back["b"].any()


@pytest.mark.parametrize(
    ("state", "part"),
    [
        ({"a": {1, 2}}, "state: a is a set"),
        ({"a": [object()]}, "state: a/0 is a object"),
        ({"a": {(1, 2): 3}}, "state: a has the key a list of 2"),
        ({"a": {"b": lambda: 0}}, "state: a/b is a function"),
        ({"a": torch.zeros(2, dtype=torch.complex64)}, "tensor a: found torch.complex64"),
        ({"a": torch.zeros(2, 2).to_sparse()}, "dense tensors"),
    ],
)
def test_a_value_that_cannot_be_kept_is_named_by_its_path(tmp_path, state, part):
    with pytest.raises(CheckpointError) as caught:
        save_training(tmp_path / "run.safetensors", state, HEADER)
    assert part in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_tree_nested_without_end_is_refused(tmp_path):
    state = {}
    state["again"] = state
    with pytest.raises(CheckpointError, match="nested deeper than 64"):
        save_training(tmp_path / "run.safetensors", state, HEADER)


def test_long_lists_belong_into_tensors(tmp_path):
    with pytest.raises(CheckpointError, match="keep long lists of numbers as tensors"):
        save_training(tmp_path / "run.safetensors", {"a": ["x" * 1000] * 20_000}, HEADER)
    assert list(tmp_path.iterdir()) == []


def learner_state(family):
    network = compile_brain(small(family), TINY, generator=torch.Generator().manual_seed(4))
    optimizer = make_optimizer(small(family), network.parameters())
    scheduler = make_scheduler(small(family), optimizer)
    obs = torch.rand(5, TINY.size, generator=torch.Generator().manual_seed(6))
    network(obs)[0].square().mean().backward()
    optimizer.step()
    scheduler.step()
    target = compile_brain(small(family), TINY)
    state = {
        "learner": {
            "target": target.state_dict(),
            "online": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
        },
        "replay": torch.rand(50, TINY.size),
    }
    return network, state


@pytest.mark.parametrize("family", Q_FAMILIES)
def test_a_model_is_loaded_from_a_training_checkpoint(tmp_path, family):
    network, state = learner_state(family)
    header = training_header(RUN_SPEC, HamletModel(network), state, METADATA)
    assert header["weights_at"] == ["learner", "online"]
    path = save_training(tmp_path / "run.safetensors", state, header).path
    model = HamletModel.load_from_checkpoint(path)
    obs = torch.rand(3, TINY.size)
    assert torch.equal(model.predict(obs)["q_values"], network(obs)[0])
    assert model.metadata == METADATA
    assert same(load_training(path)[0], state)


def test_the_optimiser_and_its_schedule_go_on_from_a_file_bit_for_bit(tmp_path):
    network, state = learner_state("dueling")
    back = round_trip(tmp_path, state)
    twin = compile_brain(small("dueling"), TINY)
    twin.load_state_dict(back["learner"]["online"])
    optimizer = make_optimizer(small("dueling"), twin.parameters())
    scheduler = make_scheduler(small("dueling"), optimizer)
    optimizer.load_state_dict(back["learner"]["optimizer"])
    scheduler.load_state_dict(back["learner"]["scheduler"])
    first = make_optimizer(small("dueling"), network.parameters())
    first.load_state_dict(state["learner"]["optimizer"])
    obs = torch.rand(5, TINY.size)
    for brain, steps in ((network, first), (twin, optimizer)):
        steps.zero_grad()
        brain(obs)[0].square().mean().backward()
        steps.step()
    assert all(map(torch.equal, network.parameters(), twin.parameters()))


def test_a_state_without_the_models_weights_gets_no_header():
    _, state = learner_state("dueling")
    with pytest.raises(CheckpointError, match="does not hold the weights of its model"):
        training_header(RUN_SPEC, model_of(seed=9), state)


def test_the_header_carries_run_spec_and_hashes(tmp_path):
    network, state = learner_state("dueling")
    header = training_header(RUN_SPEC, network, state, METADATA)
    path = save_training(tmp_path / "run.safetensors", state, header, created_at=CREATED).path
    checkpoint = read_checkpoint(path)
    assert checkpoint.format_version == "training_v1"
    assert checkpoint.header["run_spec"] == RUN_SPEC.to_data()
    assert checkpoint.header["run_spec_hash"] == RUN_SPEC.hash
    assert checkpoint.header["brain_spec_hash"] == network.hash
    assert checkpoint.header["layout_hash"] == TINY.hash
    assert checkpoint.header["created_at"] == CREATED
    assert checkpoint.header["metadata"] == METADATA


def test_the_same_state_and_time_give_the_same_bytes(tmp_path):
    _, state = learner_state("dueling")
    first = save_training(tmp_path / "a.safetensors", state, HEADER, created_at=CREATED)
    again = save_training(tmp_path / "b.safetensors", state, HEADER, created_at=CREATED)
    assert first.sha256 == again.sha256


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda inner: inner["run_spec"].update(seed=4), "run_spec_hash is"),
        (lambda inner: inner.pop("run_spec"), "header.run_spec: missing"),
        (lambda inner: inner["run_spec"].update(seed=-1), "seed: found -1"),
        (lambda inner: inner.pop("run_spec_hash"), "header.run_spec_hash: missing"),
    ],
)
def test_a_run_spec_that_does_not_hold_is_refused(tmp_path, change, part):
    path = save_training(tmp_path / "run.safetensors", {"a": 1}, HEADER).path
    with pytest.raises(CheckpointError) as caught:
        load_training(with_header(path.read_bytes(), change))
    assert part in str(caught.value)


@pytest.mark.parametrize("keys", [["learner"], ["nowhere"], [], "learner", [["learner"]]])
def test_weights_that_are_not_where_the_header_says_are_refused(tmp_path, keys):
    network, state = learner_state("dueling")
    header = training_header(RUN_SPEC, network, state)
    path = save_training(tmp_path / "run.safetensors", state, {**header, "weights_at": keys}).path
    with pytest.raises(CheckpointError, match="no weights at"):
        HamletModel.load_from_checkpoint(path)


def test_a_run_without_network_is_no_model(tmp_path):
    path = save_training(tmp_path / "run.safetensors", {"a": 1}, HEADER).path
    with pytest.raises(CheckpointError, match="names no network"):
        HamletModel.load_from_checkpoint(path)
