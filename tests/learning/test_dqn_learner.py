"""The feedforward learner: updates, the target network's jumps, clipping, weights."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from hamlet.brains import BrainSpec, make_loss
from hamlet.learning.dqn import DQNLearner, loss_slope
from hamlet.learning.transitions import Transitions
from tests.learning.small_worlds import BRAINS, layout_of, planes_layout, same, transitions


def learner(**sections: Any) -> DQNLearner:
    spec = BrainSpec.from_data(copy.deepcopy(BRAINS["dueling"]) | sections)
    return DQNLearner(spec, layout_of(4), torch.Generator().manual_seed(0))


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_the_target_network_follows_in_jumps() -> None:
    dqn = learner(q_learning={"target_update_frequency": 3})
    start = weights(dqn.online)
    assert same(weights(dqn.target), start)
    batch = transitions(8)
    for _ in range(2):
        dqn.update(batch, batch.extrinsic)
    assert same(weights(dqn.target), start)
    assert not same(weights(dqn.online), start)
    dqn.update(batch, batch.extrinsic)
    assert same(weights(dqn.target), weights(dqn.online))


def test_several_batches_at_once_equal_one_after_the_other() -> None:
    # Seven updates with a jump of the target network after the third and the sixth.
    one, many = (learner(q_learning={"target_update_frequency": 3}) for _ in range(2))
    batches = transitions(7 * 8)
    for batch in batches.split(8):
        one.update(batch, batch.extrinsic)
    many.update_each(batches, batches.extrinsic, 8)
    assert one.updates == many.updates == 7
    for name, value in one.online.state_dict().items():
        assert torch.allclose(value, many.online.state_dict()[name], atol=1e-6), name
    for name, value in one.target.state_dict().items():
        assert torch.allclose(value, many.target.state_dict()[name], atol=1e-6), name


def test_learning_brings_values_to_the_rewards_where_nothing_follows() -> None:
    dqn = learner(optimizer={"learning_rate": 0.01})
    batch = transitions(16, terminated=torch.ones(16, dtype=torch.bool))
    first = dqn.update(batch, batch.extrinsic).abs().mean()
    for _ in range(300):
        last = dqn.update(batch, batch.extrinsic).abs().mean()
    assert last < 0.05 * first


def test_the_gradient_is_clipped_to_its_norm() -> None:
    dqn = learner(
        q_learning={"gradient_clip": 0.5},
        optimizer={"type": "sgd", "learning_rate": 1.0},
    )
    before = torch.cat([value.flatten() for value in weights(dqn.online).values()])
    batch = transitions(8)
    dqn.update(batch, batch.extrinsic + 1000)
    after = torch.cat([value.flatten() for value in weights(dqn.online).values()])
    # With plain gradient descent at rate 1 the step is the clipped gradient itself.
    assert (after - before).norm().item() == pytest.approx(0.5, rel=1e-4)


def test_importance_weights_scale_what_each_transition_teaches() -> None:
    one, other = learner(), learner()
    batch = transitions(8)
    silent = torch.zeros(8)
    silent[0] = 8.0  # the mean over eight then is the loss of the first alone
    one.update(batch, batch.extrinsic, weights=silent)
    first = Transitions(**{name: value[:1] for name, value in vars(batch).items()})
    other.update(first, first.extrinsic)
    for name, value in one.online.state_dict().items():
        assert torch.allclose(value, other.online.state_dict()[name], atol=1e-6), name


def test_errors_are_those_before_the_step() -> None:
    dqn = learner()
    batch = transitions(8)
    with torch.no_grad():
        q_values = dqn.online(batch.observations)[0]
    chosen = q_values.gather(1, batch.actions.unsqueeze(1)).squeeze(1)
    expected = dqn.targets(batch, batch.extrinsic, None) - chosen
    assert torch.allclose(dqn.update(batch, batch.extrinsic), expected)


@pytest.mark.parametrize("kind", ["mse", "huber", "smooth_l1"])
def test_the_slope_of_each_loss_is_the_one_autograd_finds(kind: str) -> None:
    delta = {} if kind == "mse" else {"huber_delta": 0.7}
    spec = BrainSpec.from_data(BRAINS["dueling"] | {"loss": {"type": kind, **delta}})
    prediction = torch.linspace(-3, 3, 41, requires_grad=True)
    target = torch.full((41,), 0.3)
    make_loss(spec)(prediction, target).sum().backward()
    found = loss_slope(spec)((prediction - target).detach())
    assert torch.allclose(found, prediction.grad, atol=1e-6)


def test_mean_loss_is_reported_once() -> None:
    dqn = learner()
    assert dqn.take_mean_loss() is None
    batch = transitions(8)
    dqn.update(batch, batch.extrinsic)
    assert dqn.take_mean_loss() > 0
    assert dqn.take_mean_loss() is None


def test_dropout_acts_while_learning_and_never_while_acting() -> None:
    spec = copy.deepcopy(BRAINS["feedforward"])
    spec["architecture"]["feedforward"]["dropout"] = 0.5
    dqn = DQNLearner(BrainSpec.from_data(spec), layout_of(4), torch.Generator().manual_seed(0))
    observations = torch.rand(4, 4)
    with torch.no_grad():
        assert torch.equal(dqn.online(observations)[0], dqn.online(observations)[0])
    before = dqn.online.dropout_generator.get_state()
    batch = transitions(8)
    dqn.update(batch, batch.extrinsic)
    assert not torch.equal(before, dqn.online.dropout_generator.get_state())
    assert not dqn.online.training


def test_a_snapshot_answers_as_the_online_network_and_learns_no_more() -> None:
    spec = BrainSpec.from_data(BRAINS["dueling"])
    layout = planes_layout()
    dqn = DQNLearner(spec, layout, torch.Generator().manual_seed(0))
    copied = dqn.snapshot()
    observations = torch.zeros(3, layout.size)
    observations[:, 5] = 1.0
    with torch.no_grad():
        before = copied(observations)[0].clone()
        assert torch.allclose(before, dqn.online(observations)[0], atol=1e-6)
    batch = transitions(8, layout.size)
    dqn.update(batch, batch.extrinsic)
    with torch.no_grad():
        assert torch.equal(copied(observations)[0], before)
    assert all(value.is_contiguous() for value in copied.state_dict().values())
