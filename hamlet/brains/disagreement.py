"""How far the members of an ensemble disagree about one situation.

Source: Lin 1991, https://doi.org/10.1109/18.61115 (Jensen-Shannon divergence).
Shapes: M members, B batch, A actions.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor


class Disagreement(NamedTuple):
    """divergence_bits: [B], mean over the pairs of members, 0 (the same policy) to 1 (nothing in
    common). dissent: [B], share of the members whose best action is not the winner."""

    divergence_bits: Tensor
    dissent: Tensor


def disagreement(policies: Tensor, winner: Tensor, votes: Tensor | None = None) -> Disagreement:
    """How far the members are from each other, and from what the ensemble plays.

    Args:
        policies: [M, B, A], each row of sum 1. winner: [B] int64, what the ensemble plays.
        votes: [M, B] int64, the best action of each member; None takes the first likeliest.
    """
    pairs = [
        divergence_bits(policies[first], policies[second])
        for first, second in combinations(range(len(policies)), 2)
    ]
    divergence = torch.stack(pairs).mean(dim=0) if pairs else torch.zeros_like(policies[0, :, 0])
    if votes is None:
        votes = policies.argmax(dim=-1)
    return Disagreement(divergence, (votes != winner).to(policies.dtype).mean(dim=0))


def divergence_bits(one: Tensor, other: Tensor) -> Tensor:
    """Jensen-Shannon divergence [B] of two policies [B, A], in bits."""
    middle = (one + other) / 2
    nats = (_divergence(one, middle) + _divergence(other, middle)) / 2
    return (nats / math.log(2)).clamp(0.0, 1.0)


def _divergence(one: Tensor, other: Tensor) -> Tensor:
    """Kullback-Leibler, in nats; what never happens adds nothing."""
    return (torch.xlogy(one, one) - torch.xlogy(one, other)).sum(dim=-1)
