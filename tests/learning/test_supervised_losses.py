"""Losses of examples worked out by hand."""

import math

import pytest
import torch

from hamlet.learning.supervised_examples import Batch, Examples
from hamlet.learning.supervised_losses import (
    Objective,
    example_losses,
    mirror_losses,
    reply_losses,
    weighted_mean,
)
from tests.brains.boards import board_network, unsettled
from tests.learning.small_boards import examples

# Chances 1/8 (six times) and 1/4 in the last column.
LOGITS = torch.tensor([[0.0] * 6 + [math.log(2.0)]])
SOFT = [0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5]
HARD = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]


def batch_of(policy, value=0.5, weight=1.0, full=(), reply=-1) -> Batch:
    legal = torch.ones(1, 7, dtype=torch.bool)
    legal[0, list(full)] = False
    return Batch(
        planes=torch.zeros(1, 3, 6, 7),
        legal=legal,
        policy=torch.tensor([policy]),
        value=torch.tensor([value]),
        weight=torch.tensor([weight]),
        reply=torch.tensor([reply]),
    )


@pytest.mark.parametrize(
    ("policy", "full", "expected"),
    [
        (HARD, (), math.log(4.0)),
        (SOFT, (), 0.5 * math.log(8.0) + 0.5 * math.log(4.0)),
        # Without the first two columns the chances are 1/6 (four times) and 1/3.
        (HARD, (0, 1), math.log(3.0)),
    ],
)
def test_soft_and_hard_targets_have_the_cross_entropy_worked_out_by_hand(policy, full, expected):
    losses = example_losses(LOGITS, torch.tensor([[0.1]]), batch_of(policy, full=full))
    assert float(losses.policy) == pytest.approx(expected, abs=1e-6)
    assert float(losses.value) == pytest.approx(0.16)
    assert float(losses.mean(torch.ones(1))) == pytest.approx(expected + 0.16, abs=1e-6)


def test_the_logit_of_a_full_column_gets_no_gradient():
    logits = LOGITS.clone().requires_grad_()
    example_losses(logits, torch.zeros(1, 1), batch_of(HARD, full=(0,))).policy.sum().backward()
    assert logits.grad[0, 0] == 0
    assert bool(torch.isfinite(logits.grad).all())
    assert logits.grad[0, 6] < 0


def test_the_mean_is_over_weights():
    losses, weight = torch.tensor([1.0, 4.0]), torch.tensor([2.0, 1.0])
    assert float(weighted_mean(losses, weight)) == pytest.approx(2.0)


def test_an_example_of_weight_2_is_as_good_as_two_of_it():
    network = unsettled(board_network("transformer", dropout=0.0))
    one, other = examples(2).take(torch.tensor([0])), examples(2).take(torch.tensor([1]))

    def gradient(*parts, weight):
        joined = {
            name: torch.cat([part.tensors()[name] for part in parts]) for name in one.tensors()
        }
        batch = Batch.of(Examples(**{**joined, "weight": torch.tensor(weight)}))
        network.zero_grad()
        loss, _ = Objective()(network, batch)
        loss.backward()
        return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])

    doubled = gradient(one, other, weight=[2.0, 1.0])
    twice = gradient(one, one, other, weight=[1.0, 1.0, 1.0])
    assert torch.allclose(doubled, twice, atol=1e-6)
    plain = gradient(one, other, weight=[1.0, 1.0])
    assert not torch.allclose(doubled, plain, atol=1e-4)


def test_flipping_turns_everything_that_has_a_side():
    drawn = examples(30)
    plain = Batch.of(drawn)
    turned = Batch.of(drawn, torch.ones(30, dtype=torch.bool))
    assert torch.equal(turned.planes, plain.planes.flip(-1))
    assert torch.equal(turned.policy, plain.policy.flip(-1))
    assert torch.equal(turned.legal, plain.legal.flip(-1))
    assert torch.equal(turned.value, plain.value)
    some = Batch.of(drawn, torch.arange(30) % 2 == 0)
    assert torch.equal(some.planes[1::2], plain.planes[1::2])
    assert torch.equal(some.planes[::2], turned.planes[::2])
    replies = Batch.of(
        Examples(**{**drawn.tensors(), "reply": torch.tensor([0, -1, 5] * 10)}),
        torch.ones(30, dtype=torch.bool),
    )
    assert replies.reply[:3].tolist() == [6, -1, 1]


def test_the_reply_counts_only_where_somebody_replied():
    assert float(reply_losses(LOGITS, batch_of(HARD, reply=6))) == pytest.approx(math.log(4.0))
    assert float(reply_losses(LOGITS, batch_of(HARD))) == 0.0


def test_answers_that_are_mirror_images_cost_nothing_and_others_do():
    legal = torch.ones(1, 7, dtype=torch.bool)
    value = torch.tensor([[0.5]])
    same = mirror_losses((LOGITS, value), (LOGITS.flip(-1), value), legal)
    assert float(same) == pytest.approx(0.0, abs=1e-6)
    # The chances 1/8 and 1/4 have changed places: (1/8) log 2 each way, halved, twice; and 0.04.
    other = mirror_losses((LOGITS, value), (LOGITS, value - 0.2), legal)
    assert float(other) == pytest.approx(math.log(2.0) / 8 + 0.04, abs=1e-6)
