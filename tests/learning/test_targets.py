"""What Q-values are pulled towards, worked by hand."""

from __future__ import annotations

import pytest
import torch

from hamlet.brains import BrainSpec
from hamlet.learning.dqn import DQNLearner
from hamlet.learning.targets import action_gap, bootstrapped, next_values
from tests.learning.small_worlds import BRAINS, layout_of, transitions

TARGET = torch.tensor([[1.0, 5.0, 3.0]])
ONLINE = torch.tensor([[9.0, 2.0, 7.0]])


def test_double_dqn_lets_the_online_network_choose_and_the_target_network_value() -> None:
    everything = torch.tensor([[True, True, True]])
    assert next_values(TARGET, everything, ONLINE).tolist() == [1.0]
    assert next_values(TARGET, everything).tolist() == [5.0]


def test_the_next_action_is_chosen_among_legal_ones() -> None:
    mask = torch.tensor([[False, True, True]])
    assert next_values(TARGET, mask, ONLINE).tolist() == [3.0]
    assert next_values(TARGET, torch.tensor([[True, False, True]])).tolist() == [3.0]


def test_death_ends_all_worth_and_the_time_limit_does_not() -> None:
    targets = bootstrapped(
        rewards=torch.tensor([1.0, 1.0]),
        values=torch.tensor([10.0, 10.0]),
        terminated=torch.tensor([True, False]),
        steps=1,
        discount=0.9,
    )
    assert targets.tolist() == pytest.approx([1.0, 10.0])


def test_a_transition_of_k_steps_bootstraps_with_gamma_to_the_k() -> None:
    targets = bootstrapped(
        torch.zeros(3),
        torch.ones(3),
        torch.zeros(3, dtype=torch.bool),
        torch.tensor([1, 2, 3]),
        0.5,
    )
    assert targets.tolist() == [0.5, 0.25, 0.125]


@pytest.mark.parametrize("double", [True, False])
def test_learner_bootstraps_truncated_steps_and_not_terminated_ones(double: bool) -> None:
    spec = BrainSpec.from_data(BRAINS["feedforward"] | {"q_learning": {"use_double_dqn": double}})
    learner = DQNLearner(spec, layout_of(4), torch.Generator().manual_seed(0))
    # Two updates make the online network differ from the target network.
    other = transitions(8, seed=5)
    learner.update(other, other.extrinsic * 10)
    batch = transitions(
        3,
        terminated=torch.tensor([True, False, False]),
        truncated=torch.tensor([False, True, False]),
        next_masks=torch.tensor([[True] * 3, [True] * 3, [False, False, True]]),
    )
    rewards = torch.tensor([1.0, 2.0, 3.0])
    with torch.no_grad():
        target_q = learner.target(batch.next_observations)[0]
        online_q = learner.online(batch.next_observations)[0]
    chooser = online_q if double else target_q
    second = target_q[1, chooser[1].argmax()].item()
    expected = [1.0, 2.0 + 0.99 * second, 3.0 + 0.99 * target_q[2, 2].item()]
    assert learner.targets(batch, rewards, None).tolist() == pytest.approx(expected)


def test_the_action_gap_looks_at_legal_actions_alone() -> None:
    q_values = torch.tensor([[1.0, 4.0, 9.0], [1.0, 4.0, 9.0], [2.0, 2.0, 9.0]])
    masks = torch.tensor([[True, True, False], [True, True, True], [True, True, False]])
    gaps = action_gap(q_values, masks, torch.tensor([0, 0, 1]))
    assert gaps.tolist() == [3.0, 8.0, 0.0]


def test_advantage_learning_takes_a_share_of_the_gap_off_the_target() -> None:
    plain = BrainSpec.from_data(BRAINS["feedforward"])
    wider = BrainSpec.from_data(
        BRAINS["feedforward"] | {"q_learning": {"advantage_learning": 0.75}}
    )
    learners = [
        DQNLearner(spec, layout_of(4), torch.Generator().manual_seed(0)) for spec in (plain, wider)
    ]
    masks = torch.tensor([[True, True, True], [True, False, True], [False, True, False]])
    batch = transitions(3, masks=masks, actions=torch.tensor([0, 2, 1]))
    rewards = torch.tensor([1.0, 2.0, 3.0])
    expected, found = (learner.targets(batch, rewards, None) for learner in learners)
    with torch.no_grad():
        q_values = learners[1].target(batch.observations)[0]
    first = 0.75 * (q_values[0].max() - q_values[0, 0])
    second = 0.75 * (q_values[1, [0, 2]].max() - q_values[1, 2])
    assert (expected - found).tolist() == pytest.approx(
        [first.item(), second.item(), 0.0], abs=1e-6
    )
