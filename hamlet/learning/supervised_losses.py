"""How far a network's answer lies from an example.

Shapes: B batch, A columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from hamlet.brains import BoardBrain
from hamlet.brains.masked_categorical import masked_logits
from hamlet.errors import Problem
from hamlet.learning.supervised_examples import NO_REPLY, Batch


class Losses(NamedTuple):
    """Of each example, [B]."""

    policy: Tensor
    value: Tensor

    def mean(self, weight: Tensor) -> Tensor:
        """Scalar: their sum, averaged over the weights."""
        return weighted_mean(self.policy + self.value, weight)


def example_losses(logits: Tensor, value: Tensor, batch: Batch) -> Losses:
    """Cross-entropy of the policy over the columns that are not full, and squared error of the
    value.

    Args: logits [B, A]; value [B, 1].
    Source: Silver et al. 2017, https://doi.org/10.1038/nature24270, equation 1, without its last
        term, which is `regularization.l2`.
    """
    log_policy = F.log_softmax(masked_logits(logits.float(), batch.legal), dim=1)
    # A share of 0 adds nothing, whatever its logarithm.
    kept = log_policy.masked_fill(~batch.legal, 0.0)
    policy_loss = -(batch.policy * kept).sum(dim=1)
    return Losses(policy_loss, (value.float().squeeze(1) - batch.value).square())


def weighted_mean(losses: Tensor, weight: Tensor) -> Tensor:
    """Scalar: an example of weight 2 counts as two."""
    return (losses * weight).sum() / weight.sum()


def reply_losses(logits: Tensor, batch: Batch) -> Tensor:
    """[B] cross-entropy of the opponent's answer; 0 where there was none."""
    known = batch.reply != NO_REPLY
    losses = F.cross_entropy(logits.float(), batch.reply.clamp_min(0), reduction="none")
    return torch.where(known, losses, torch.zeros_like(losses))


def mirror_losses(
    answer: tuple[Tensor, Tensor], mirrored: tuple[Tensor, Tensor], legal: Tensor
) -> Tensor:
    """[B] how differently a position and its mirror image are answered: the divergence of both
    policies from each other, and the squared difference of the values.

    Args: answer: (logits [B, A], value [B, 1]); mirrored: the same for the mirror image, as the
        network gave it. legal: [B, A] of the position itself.
    """
    one, other = (
        F.log_softmax(masked_logits(logits.float(), legal), dim=1).masked_fill(~legal, 0.0)
        for logits in (answer[0], mirrored[0].flip(-1))
    )
    shares = [log.exp().masked_fill(~legal, 0.0) for log in (one, other)]
    divergence = ((shares[0] - shares[1]) * (one - other)).sum(dim=1) / 2
    return divergence + (answer[1] - mirrored[1]).float().squeeze(1).square()


@dataclass(frozen=True)
class Objective:
    """What a fit descends: policy and value, and what else is asked for.

    Attributes:
        mirror_weight: of `mirror_losses`; above 0 every position is asked twice.
        reply_weight: of `reply_losses`, from a Transformer.
        precision: fp32 or bf16; losses are always added up in float32.
    """

    mirror_weight: float = 0.0
    reply_weight: float = 0.0
    precision: str = "fp32"

    def __call__(
        self, network: BoardBrain, batch: Batch
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Returns: (scalar to descend, of each example without gradient: loss, policy loss, value
        loss and 1, [B] each)."""
        with torch.autocast(batch.planes.device.type, torch.bfloat16, self.precision == "bf16"):
            answer, mirrored, reply = self._ask(network, batch.planes)
        losses = example_losses(*answer, batch)
        loss = losses.mean(batch.weight)
        if mirrored is not None:
            apart = mirror_losses(answer, mirrored, batch.legal)
            loss = loss + self.mirror_weight * weighted_mean(apart, batch.weight)
        if reply is not None:
            guessed = reply_losses(reply, batch)
            loss = loss + self.reply_weight * weighted_mean(guessed, batch.weight)
        policy, value = losses.policy.detach(), losses.value.detach()
        return loss, (policy + value, policy, value, torch.ones_like(policy))

    def _ask(
        self, network: BoardBrain, planes: Tensor
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor] | None, Tensor | None]:
        """The answer to each position, to its mirror image, and the opponent's reply."""
        rows, reply = len(planes), None
        if self.mirror_weight > 0:
            planes = torch.cat([planes, planes.flip(-1)])
        if self.reply_weight > 0:
            policy, value, reply = network.forward_with_reply(planes)
            reply = reply[:rows]
        else:
            policy, value = network(planes)
        mirrored = (policy[rows:], value[rows:]) if self.mirror_weight > 0 else None
        return (policy[:rows], value[:rows]), mirrored, reply


def precision_problems(precision: str, device: torch.device) -> list[Problem]:
    """bf16 runs on every CPU, slowly on most, and on GPUs that have it."""
    if precision == "fp32" or device.type == "cpu":
        return []
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return []
    message = f"found bf16, which the device {device} does not have; take fp32"
    return [Problem("precision", message)]
