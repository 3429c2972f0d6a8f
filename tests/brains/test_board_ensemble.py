"""Ensembles of a board: the mean worked out by hand, votes, disagreement in bits."""

import pytest
import torch

from hamlet.brains.board_ensemble import Combination
from hamlet.brains.disagreement import disagreement, divergence_bits
from hamlet.errors import SpecError
from tests.brains.boards import board_network, board_of, positions, unsettled

LEGAL = torch.tensor([[True, True, False]])


def combination(weights, temperatures) -> Combination:
    made = Combination(len(weights))
    made.weights.copy_(torch.tensor(weights))
    made.temperatures.copy_(torch.tensor(temperatures))
    return made


def test_the_mean_policy_and_value_are_as_by_hand():
    # exp(log 3) : 1 is 3/4 to 1/4; at temperature 2 log 9 becomes log 3 too, seen the other way.
    logits = torch.tensor([[[3.0, 1.0, 99.0]], [[1.0, 9.0, 99.0]]]).log()
    values = torch.tensor([[[1.0]], [[-0.5]]])
    policy, value = combination([0.25, 0.75], [1.0, 2.0])(logits, values, LEGAL)
    chances = policy.exp()
    assert chances[0, :2].tolist() == pytest.approx(
        [0.25 * 0.75 + 0.75 * 0.25, 0.25 * 0.25 + 0.75 * 0.75]
    )
    assert float(chances[0, 2]) < 1e-11
    assert float(value) == pytest.approx(0.25 * 1.0 - 0.75 * 0.5)


def test_a_member_of_weight_one_answers_alone():
    network = unsettled(board_network("ensemble")).eval()
    network.set_combination([0.0, 1.0], [1.0, 1.0])
    planes = positions(6)
    policy, value = network(planes)
    alone, worth = network.members[1](planes)
    assert torch.allclose(value, worth)
    legal = planes[:, :2, 0].sum(dim=1) < 0.5
    expected = alone.masked_fill(~legal, -torch.inf).softmax(dim=1)
    assert torch.allclose(policy.softmax(dim=1), expected, atol=1e-6)


def test_a_full_board_stays_finite():
    network = unsettled(board_network("ensemble")).eval()
    network.set_combination([0.5, 0.5], [0.05, 20.0])
    policy, value = network(board_of(*range(7)))
    assert bool(torch.isfinite(policy).all() & torch.isfinite(value).all())


def test_members_begin_with_equal_weights_and_answer_one_by_one():
    network = unsettled(board_network("ensemble")).eval()
    planes = torch.cat([positions(5), board_of(0)])
    answers = network.member_answers(planes)
    assert answers.weights.tolist() == [0.5, 0.5]
    assert answers.policies.shape == (2, 6, 7)
    assert torch.allclose(answers.policies.sum(dim=-1), torch.ones(2, 6))
    assert answers.policies[:, 5, 0].tolist() == [0.0, 0.0]
    policy, value = network(planes)
    assert torch.allclose(policy.exp(), answers.policies.mean(dim=0), atol=1e-6)
    assert torch.allclose(value.squeeze(1), answers.values.mean(dim=0), atol=1e-6)


@pytest.mark.parametrize(
    ("weights", "temperatures", "path"),
    [
        ([0.5], [1.0, 1.0], "weights"),
        ([0.7, 0.7], [1.0, 1.0], "weights"),
        ([-0.5, 1.5], [1.0, 1.0], "weights"),
        ([float("nan"), 1.0], [1.0, 1.0], "weights"),
        ([0.5, 0.5], [1.0], "temperatures"),
        ([0.5, 0.5], [1.0, 0.0], "temperatures"),
        ([0.5, 0.5], [float("nan"), 1.0], "temperatures"),
    ],
)
def test_weights_that_are_not_convex_are_refused(weights, temperatures, path):
    with pytest.raises(SpecError) as caught:
        board_network("ensemble").set_combination(weights, temperatures)
    assert caught.value.problems[0].path == path


def test_divergence_is_0_for_equal_and_1_bit_for_opposite_policies():
    one = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    other = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    assert divergence_bits(one, other).tolist() == pytest.approx([0.0, 0.0, 1.0])
    # Against the mean (3/4, 1/4): (log2(4/3) + log2(2/3)/2 + log2(2)/2) / 2.
    half = torch.tensor([[0.5, 0.5, 0.0]])
    assert float(divergence_bits(one[:1], half)) == pytest.approx(0.3112781, abs=1e-6)


def test_disagreement_is_the_mean_over_pairs_and_the_share_of_other_votes():
    left, right = [1.0, 0.0], [0.0, 1.0]
    policies = torch.tensor([[left, left], [left, right], [left, right]])
    found = disagreement(policies, torch.tensor([0, 1]))
    assert found.divergence_bits.tolist() == pytest.approx([0.0, 2 / 3])
    assert found.dissent.tolist() == pytest.approx([0.0, 1 / 3])
