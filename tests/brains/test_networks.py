"""What the networks compute: from every group, without a state of their own, through time."""

import copy

import pytest
import torch

from hamlet.brains import choose_actions, compile_brain
from hamlet.errors import ShapeError
from tests.brains.layouts import TINY
from tests.brains.specs import Q_FAMILIES, small

BATCH, STEPS = 3, 6


def network_of(family, **changes):
    generator = torch.Generator().manual_seed(3)
    return compile_brain(small(family, **changes), TINY, generator=generator)


def rand(*shape, seed=4):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def recurrent():
    return network_of("recurrent_spatial", architecture__recurrent_spatial__lstm__num_layers=2)


@pytest.mark.parametrize("group", [group.name for group in TINY.groups])
@pytest.mark.parametrize("family", Q_FAMILIES)
def test_every_observation_group_changes_the_q_values(family, group):
    network = network_of(family)
    obs = rand(BATCH, TINY.size)
    other = obs.clone()
    other[:, TINY.group(group).slice] += 0.5
    assert not torch.equal(network(obs)[0], network(other)[0])


@pytest.mark.parametrize("family", Q_FAMILIES)
def test_asking_twice_gives_the_same_answer(family):
    network = network_of(family)
    obs = rand(BATCH, TINY.size)
    before = copy.deepcopy(network.state_dict())
    first, _ = network(obs)
    network(rand(BATCH, TINY.size, seed=9))
    again, _ = network(obs)
    assert torch.equal(first, again)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_dueling_advantages_average_to_zero():
    network = network_of("dueling")
    obs = rand(BATCH, TINY.size)
    q_values, _ = network(obs)
    value = network.value(network.shared(obs))
    assert torch.allclose((q_values - value).mean(dim=1), torch.zeros(BATCH), atol=1e-6)
    assert (q_values - value).abs().max() > 0


def test_hidden_state_passes_through_and_stays_as_it_was(recurrent):
    obs = rand(BATCH, TINY.size)
    hidden = recurrent.initial_hidden(BATCH)
    assert [part.shape for part in hidden] == [(2, BATCH, 12)] * 2
    q_first, following = recurrent(obs, hidden)
    assert all(not part.any() for part in hidden)
    q_second, _ = recurrent(obs, following)
    assert not torch.equal(q_first, q_second)
    assert torch.equal(q_first, recurrent(obs)[0])


def test_unrolling_equals_stepping_with_hidden_cleared_where_episodes_start(recurrent):
    obs = rand(STEPS, BATCH, TINY.size)
    starts = torch.zeros(STEPS, BATCH, dtype=torch.bool)
    starts[0, 0] = starts[2, 1] = starts[5, 1] = starts[5, 2] = True
    hidden = (rand(2, BATCH, 12, seed=5), rand(2, BATCH, 12, seed=6))
    given = tuple(part.clone() for part in hidden)
    unrolled, last = recurrent.unroll(obs, hidden, starts)
    stepped = []
    for step in range(STEPS):
        hidden = tuple(part.masked_fill(starts[step].view(1, -1, 1), 0.0) for part in hidden)
        q_values, hidden = recurrent(obs[step], hidden)
        stepped.append(q_values)
    assert torch.allclose(unrolled, torch.stack(stepped), atol=1e-6)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(last, hidden, strict=True))
    without, _ = recurrent.unroll(obs, given, None)
    assert not torch.allclose(unrolled[2:, 1], without[2:, 1], atol=1e-4)


def test_a_loss_on_the_last_step_reaches_the_recurrent_weights_and_the_first_input(recurrent):
    obs = rand(STEPS, BATCH, TINY.size).requires_grad_()
    q_values, _ = recurrent.unroll(obs)
    q_values[-1].sum().backward()
    for layer in recurrent.lstm.layers:
        assert layer.weight_hh_l0.grad.abs().max() > 0
    assert (obs.grad[0].abs().amax(dim=1) > 0).all()


def test_no_gradient_crosses_the_start_of_an_episode(recurrent):
    obs = rand(STEPS, BATCH, TINY.size).requires_grad_()
    starts = torch.zeros(STEPS, BATCH, dtype=torch.bool)
    starts[3, 0] = True
    recurrent.unroll(obs, None, starts)[0][-1].sum().backward()
    assert not obs.grad[:3, 0].any()
    assert obs.grad[3:, 0].any()
    assert obs.grad[0, 1].any()


@pytest.mark.parametrize("family", Q_FAMILIES)
def test_dropout_draws_from_its_own_generator_and_rests_in_evaluation(family):
    changes = {"architecture__recurrent_spatial__lstm": {"num_layers": 2, "dropout": 0.5}}
    if family != "recurrent_spatial":
        changes = {f"architecture__{family}__dropout": 0.5}
    network, twin = network_of(family, **changes), network_of(family, **changes)
    obs = rand(BATCH, TINY.size)
    before = torch.get_rng_state()
    first, second = network(obs)[0], network(obs)[0]
    assert not torch.equal(first, second)
    assert torch.equal(twin(obs)[0], first)
    assert torch.equal(torch.get_rng_state(), before)

    saved = network.dropout_generator.get_state()
    third = network(obs)[0]
    network.dropout_generator.set_state(saved)
    assert torch.equal(network(obs)[0], third)
    network.eval()
    assert torch.equal(network(obs)[0], network(obs)[0])


def test_a_copy_draws_its_dropout_apart_from_the_original():
    network = network_of("feedforward", architecture__feedforward__dropout=0.5)
    obs = rand(BATCH, TINY.size)
    twin = copy.deepcopy(network)
    expected = network(obs)[0]
    assert torch.equal(twin(obs)[0], expected)


def test_dropout_keeps_the_expected_value():
    network = network_of("feedforward", architecture__feedforward__dropout=0.25)
    layer = next(module for module in network.modules() if hasattr(module, "rate"))
    dropped = layer(torch.ones(100, 1000))
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("family", Q_FAMILIES)
def test_an_observation_of_another_length_is_refused(family):
    with pytest.raises(ShapeError, match=rf"\[3, 7\]; expected \[B, {TINY.size}\]"):
        network_of(family)(torch.zeros(3, 7))


def test_a_hidden_state_of_another_shape_is_refused(recurrent):
    wrong = (torch.zeros(1, BATCH, 12), torch.zeros(1, BATCH, 12))
    with pytest.raises(ShapeError, match=r"each \[2, 3, 12\]"):
        recurrent(rand(BATCH, TINY.size), wrong)


def test_starts_of_another_shape_are_refused(recurrent):
    with pytest.raises(ShapeError, match=r"expected bool of shape \[6, 3\]"):
        recurrent.unroll(rand(STEPS, BATCH, TINY.size), None, torch.zeros(STEPS, 1).bool())


@pytest.mark.parametrize("family", ["feedforward", "dueling"])
def test_a_brain_without_memory_refuses_a_hidden_state(family):
    network = network_of(family)
    assert network.initial_hidden(BATCH) is None
    with pytest.raises(ShapeError, match="keeps none"):
        network(rand(BATCH, TINY.size), (torch.zeros(1), torch.zeros(1)))


def test_the_best_legal_action_is_chosen_and_ties_go_to_the_first():
    q_values = torch.tensor([[1.0, 5.0, 3.0], [2.0, 2.0, -1.0]])
    mask = torch.tensor([[True, False, True], [True, True, True]])
    assert choose_actions(q_values).tolist() == [1, 0]
    assert choose_actions(q_values, mask).tolist() == [2, 0]


def test_exploration_is_even_over_legal_actions_and_as_frequent_as_epsilon():
    rows = 20_000
    q_values = torch.tensor([[3.0, 2.0, 1.0, 0.0]]).repeat(rows, 1)
    mask = torch.tensor([[True, False, True, True]]).repeat(rows, 1)
    generator = torch.Generator().manual_seed(1)
    actions = choose_actions(q_values, mask, 0.3, generator)
    shares = torch.bincount(actions, minlength=4) / rows
    # A third of the exploring 30 % also lands on the greedy action. Four standard errors: 0.014.
    assert torch.allclose(shares, torch.tensor([0.8, 0.0, 0.1, 0.1]), atol=0.014)
