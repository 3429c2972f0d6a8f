"""How much each member of an ensemble counts, and how sure it is taken to be: fitted on examples
that none of them learned from.

Sources: Guo et al., https://arxiv.org/abs/1706.04599 (temperatures); Breiman 1996,
https://doi.org/10.1007/BF00117832 (convex weights of what models say).
Shapes: M members, N examples, A columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hamlet.brains.board_ensemble import COLDEST, HOTTEST, LEAST_CHANCE
from hamlet.brains.masked_categorical import masked_logits
from hamlet.errors import ShapeError
from hamlet.learning.supervised_losses import weighted_mean

STEPS = 200
RATE = 0.1
TRIED_TEMPERATURES = 61


@dataclass(frozen=True)
class Targets:
    """policy: [N, A]. value: [N]. weight: [N]. legal: [N, A] bool."""

    policy: Tensor
    value: Tensor
    weight: Tensor
    legal: Tensor


@dataclass(frozen=True)
class FittedWeights:
    """Attributes:
    weights: M numbers from 0 of sum 1. temperatures: M numbers.
    score: of the ensemble on these examples, cross-entropy and squared error; lower is better.
    member_scores: of each member alone as it is. best_member: the lowest of them.
    """

    weights: list[float]
    temperatures: list[float]
    score: float
    member_scores: list[float]

    @property
    def best_member(self) -> int:
        return min(range(len(self.member_scores)), key=self.member_scores.__getitem__)


def fit_weights(logits: Tensor, values: Tensor, targets: Targets) -> FittedWeights:
    """Find the combination with the lowest score on these examples.

    Args: logits [M, N, A]; values [M, N], of the members in evaluation mode.
    Returns: a combination that scores no worse here than the best member alone: where mixing
        does not help, that member has all the weight. The same arguments give the same result.
    Raises: ShapeError if the shapes do not go together.
    """
    members = _checked(logits, values, targets)
    logits, values = logits.detach().double(), values.detach().double()
    plain = [1.0] * members
    temperatures = [_best_temperature(logits[index], targets) for index in range(members)]
    alone = [_one_hot(index, members) for index in range(members)]
    member_scores = [_score(logits, values, targets, weights, plain) for weights in alone]
    candidates = [(weights, plain) for weights in alone]
    candidates += [(weights, temperatures) for weights in alone]
    candidates += [
        (weights, heat)
        for heat in (temperatures, plain)
        for weights in _mixed(logits, values, targets, heat)
    ]
    # Stored as float32, so judged as float32.
    candidates = [(_rounded(weights), _rounded(heat)) for weights, heat in candidates]
    scores = [_score(logits, values, targets, *each) for each in candidates]
    best = min(range(len(scores)), key=scores.__getitem__)
    return FittedWeights(*candidates[best], scores[best], member_scores)


def _checked(logits: Tensor, values: Tensor, targets: Targets) -> int:
    """Returns: the number of members."""
    members, rows, columns = logits.shape if logits.dim() == 3 else (0, 0, 0)
    good = (
        members > 0
        and rows > 0
        and values.shape == (members, rows)
        and targets.policy.shape == targets.legal.shape == (rows, columns)
        and targets.value.shape == targets.weight.shape == (rows,)
    )
    if not good:
        raise ShapeError(
            f"found logits {list(logits.shape)}, values {list(values.shape)} and targets "
            f"{list(targets.policy.shape)}; expected [M, N, A], [M, N] and [N, A], none empty"
        )
    return members


def _best_temperature(logits: Tensor, targets: Targets) -> float:
    """Of one member, by its cross-entropy: 1 or one of a row of temperatures, evenly spaced in
    their logarithm."""
    low, high = math.log(COLDEST), math.log(HOTTEST)
    tried = [1.0] + [
        math.exp(low + (high - low) * index / (TRIED_TEMPERATURES - 1))
        for index in range(TRIED_TEMPERATURES)
    ]
    tried = [min(max(temperature, COLDEST), HOTTEST) for temperature in tried]

    def score(temperature: float) -> float:
        chances = masked_logits(logits / temperature, targets.legal).softmax(dim=1)
        return float(weighted_mean(_cross_entropy(chances, targets), targets.weight))

    return min(tried, key=score)


@torch.enable_grad()
def _mixed(
    logits: Tensor, values: Tensor, targets: Targets, temperatures: list[float]
) -> list[list[float]]:
    """Convex weights by descent from equal ones: where it began, and where it ended."""
    heat = torch.tensor(temperatures, dtype=torch.float64, device=logits.device).view(-1, 1, 1)
    chances = masked_logits(logits / heat, targets.legal).softmax(dim=-1)
    scores = torch.zeros(len(logits), dtype=torch.float64, device=logits.device, requires_grad=True)
    optimizer = torch.optim.Adam([scores], lr=RATE)
    begun = scores.softmax(dim=0).tolist()
    for _ in range(STEPS):
        optimizer.zero_grad()
        _loss(chances, values, targets, scores.softmax(dim=0)).backward()
        optimizer.step()
    return [begun, scores.softmax(dim=0).tolist()]


def _score(
    logits: Tensor,
    values: Tensor,
    targets: Targets,
    weights: list[float],
    temperatures: list[float],
) -> float:
    heat, shares = (
        torch.tensor(numbers, dtype=torch.float64, device=logits.device)
        for numbers in (temperatures, weights)
    )
    chances = masked_logits(logits / heat.view(-1, 1, 1), targets.legal).softmax(dim=-1)
    return float(_loss(chances, values, targets, shares))


def _loss(chances: Tensor, values: Tensor, targets: Targets, shares: Tensor) -> Tensor:
    mean = (chances * shares.view(-1, 1, 1)).sum(dim=0)
    value = (values * shares.view(-1, 1)).sum(dim=0)
    losses = _cross_entropy(mean, targets) + (value - targets.value).square()
    return weighted_mean(losses, targets.weight.double())


def _cross_entropy(chances: Tensor, targets: Targets) -> Tensor:
    logs = chances.clamp_min(LEAST_CHANCE).log()
    return -(targets.policy * logs.masked_fill(~targets.legal, 0.0)).sum(dim=1)


def _one_hot(index: int, members: int) -> list[float]:
    return [float(index == other) for other in range(members)]


def _rounded(numbers: list[float]) -> list[float]:
    return torch.tensor(numbers, dtype=torch.float32).tolist()
