"""Chances over the legal actions alone."""

import math

import pytest
import torch

from hamlet.brains.masked_categorical import MaskedCategorical, legal_policy
from hamlet.errors import ShapeError
from tests.brains.boards import board_network, board_of, positions, unsettled

LOGITS = torch.tensor([[0.0, math.log(3.0), 50.0], [1.0, 1.0, 1.0]])
LEGAL = torch.tensor([[True, True, False], [False, False, True]])


def test_chances_and_entropy_are_as_by_hand():
    chance = MaskedCategorical(LOGITS, LEGAL)
    assert chance.probs.tolist() == [pytest.approx([0.25, 0.75, 0.0]), [0.0, 0.0, 1.0]]
    assert chance.probs[0, 2] == 0.0
    expected = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert chance.entropy().tolist() == pytest.approx([expected, 0.0])
    assert chance.log_prob(torch.tensor([1, 2])).tolist() == pytest.approx([math.log(0.75), 0.0])
    assert chance.best().tolist() == [1, 2]


def test_an_illegal_action_has_no_log_probability_and_is_never_drawn():
    chance = MaskedCategorical(LOGITS.repeat(500, 1), LEGAL.repeat(500, 1))
    assert chance.log_prob(torch.full((1000,), 2))[0] == -torch.inf
    drawn = chance.sample(torch.Generator().manual_seed(0)).view(500, 2)
    assert set(drawn[:, 0].tolist()) == {0, 1}
    assert set(drawn[:, 1].tolist()) == {2}
    # 500 draws of chance 3/4: four standard errors are 0.08.
    assert float((drawn[:, 0] == 1).float().mean()) == pytest.approx(0.75, abs=0.08)


def test_no_gradient_pushes_illegal_logits_and_it_stays_finite():
    logits = LOGITS.clone().requires_grad_()
    chance = MaskedCategorical(logits, LEGAL)
    (chance.entropy().sum() + chance.log_prob(torch.tensor([0, 2])).sum()).backward()
    assert bool(torch.isfinite(logits.grad).all())
    assert logits.grad[~LEGAL].tolist() == [0.0, 0.0, 0.0]
    assert logits.grad[0, 0] != 0


def test_a_row_without_legal_actions_stays_finite_where_it_is_asked():
    policy = legal_policy(torch.ones(1, 3), torch.zeros(1, 3, dtype=torch.bool))
    assert policy.tolist() == [[0.0, 0.0, 0.0]]


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match=r"logits \[2, 3\] and a mask \[1, 3\]"):
        MaskedCategorical(LOGITS, LEGAL[:1])


def test_the_actor_plays_columns_that_are_not_full():
    network = unsettled(board_network("ppo")).eval()
    planes = torch.cat([board_of(0, 1, 2, 4, 5, 6), positions(3)])
    chance, value = network.act(planes)
    assert value.shape == (4,)
    assert chance.probs[0].tolist() == [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    only = torch.zeros(4, 7, dtype=torch.bool)
    only[:, 5] = True
    assert network.act(planes, only)[0].best().tolist() == [5] * 4
