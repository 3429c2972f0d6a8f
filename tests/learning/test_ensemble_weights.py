"""Weights and temperatures of an ensemble: never worse than its best member on what they see."""

import math

import pytest
import torch

from hamlet.errors import ShapeError
from hamlet.learning.ensemble_weights import Targets, fit_weights
from tests.brains.boards import board_network, positions, unsettled

ROWS = 400


def targets(seed=0) -> Targets:
    generator = torch.Generator().manual_seed(seed)
    legal = torch.rand(ROWS, 7, generator=generator) < 0.8
    legal[:, 3] = True
    chances = torch.rand(ROWS, 7, generator=generator).masked_fill(~legal, 0.0)
    return Targets(
        policy=chances / chances.sum(dim=1, keepdim=True),
        value=torch.rand(ROWS, generator=generator) * 2 - 1,
        weight=torch.rand(ROWS, generator=generator) + 0.1,
        legal=legal,
    )


def member(truth: Targets, noise: float, seed: int, heat: float = 1.0):
    """Logits and values near the truth."""
    generator = torch.Generator().manual_seed(seed)
    logits = truth.policy.clamp_min(1e-6).log() + noise * torch.randn(ROWS, 7, generator=generator)
    values = truth.value + 0.3 * noise * torch.randn(ROWS, generator=generator)
    return logits * heat, values.clamp(-1, 1)


def asked(truth, *members):
    return fit_weights(
        torch.stack([logits for logits, _ in members]),
        torch.stack([values for _, values in members]),
        truth,
    )


def test_members_that_err_apart_share_the_weight_and_beat_each_alone():
    truth = targets()
    found = asked(truth, *(member(truth, 0.5, seed) for seed in (1, 2, 3)))
    assert sum(found.weights) == pytest.approx(1.0, abs=1e-5)
    assert all(0.15 < weight < 0.6 for weight in found.weights)
    assert found.score < min(found.member_scores)


def test_a_member_that_knows_nothing_gets_nothing():
    truth = targets()
    found = asked(truth, member(truth, 0.1, 1), member(truth, 8.0, 2))
    assert found.weights[1] < 0.02
    assert found.best_member == 0


def test_a_member_that_is_too_sure_is_cooled():
    truth = targets()
    found = asked(truth, member(truth, 0.1, 1, heat=4.0), member(truth, 0.1, 2, heat=4.0))
    assert all(3.0 < temperature < 5.5 for temperature in found.temperatures)


@pytest.mark.parametrize("seed", range(8))
def test_it_never_scores_worse_than_the_best_member(seed):
    generator = torch.Generator().manual_seed(seed)
    truth = targets(seed)
    members = [
        (
            torch.randn(ROWS, 7, generator=generator) * 3,
            torch.rand(ROWS, generator=generator) * 2 - 1,
        ),
        member(truth, float(torch.rand(1, generator=generator)) * 3, seed),
        member(truth, float(torch.rand(1, generator=generator)) * 3, seed + 100, heat=3.0),
    ]
    found = asked(truth, *members)
    assert found.score <= min(found.member_scores) + 1e-12


def test_the_score_is_that_of_the_network_with_these_weights():
    """What is fitted is what the ensemble then answers, and a member alone is as it was."""
    network = unsettled(board_network("ensemble")).eval()
    planes = positions(60)
    legal = planes[:, :2, 0].sum(dim=1) < 0.5
    policy = legal.float() / legal.sum(dim=1, keepdim=True)
    truth = Targets(policy, torch.zeros(60), torch.ones(60), legal)
    with torch.no_grad():
        answers = [each(planes) for each in network.members]
        found = fit_weights(
            torch.stack([logits for logits, _ in answers]),
            torch.stack([value.squeeze(1) for _, value in answers]),
            truth,
        )
        network.set_combination(found.weights, found.temperatures)
        logs, value = network(planes)
    losses = -(policy * logs).sum(dim=1) + value.squeeze(1).square()
    assert float(losses.mean()) == pytest.approx(found.score, abs=1e-5)
    assert found.score >= float(-(policy * policy.clamp_min(1e-9).log()).sum(dim=1).mean()) - 1e-9


def test_the_same_answers_give_the_same_weights():
    truth = targets()
    members = [member(truth, 0.5, seed) for seed in (1, 2)]
    assert asked(truth, *members) == asked(truth, *members)


def test_answers_of_other_shapes_are_refused():
    truth = targets()
    logits, values = member(truth, 0.5, 1)
    with pytest.raises(ShapeError, match=r"expected \[M, N, A\]"):
        fit_weights(logits, values, truth)
    with pytest.raises(ShapeError):
        fit_weights(logits[None, :5], values[None, :5], truth)
    assert math.isfinite(asked(truth, (logits, values)).score)
