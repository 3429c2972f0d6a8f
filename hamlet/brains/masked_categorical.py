"""A choice among the legal actions alone.

Shapes: B batch, A actions.
Source: Huang and Ontanon, https://arxiv.org/abs/2006.14171: masking the logits gives the
policy gradient of the policy that is really played.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hamlet.errors import ShapeError


class MaskedCategorical:
    """Attributes:
    legal: [B, A] bool. log_probs: [B, A], minus infinity where an action is illegal.
    probs: [B, A], exactly 0 there; they sum to 1 in a row with a legal action.
    """

    def __init__(self, logits: Tensor, legal: Tensor) -> None:
        """Raises: ShapeError if the two differ in shape."""
        if logits.shape != legal.shape:
            raise ShapeError(
                f"found logits {list(logits.shape)} and a mask {list(legal.shape)}; expected one "
                "flag for each logit"
            )
        self.legal = legal
        self._finite = F.log_softmax(masked_logits(logits, legal), dim=-1)
        self.log_probs = self._finite.masked_fill(~legal, -torch.inf)
        self.probs = self._finite.exp().masked_fill(~legal, 0.0)

    def log_prob(self, actions: Tensor) -> Tensor:
        """Args: actions [B] int64. Returns: [B]."""
        return self.log_probs.gather(-1, actions[..., None]).squeeze(-1)

    def entropy(self) -> Tensor:
        """[B], in nats; an action that is never taken adds nothing."""
        return -(self.probs * self._finite.masked_fill(~self.legal, 0.0)).sum(dim=-1)

    def sample(self, generator: torch.Generator) -> Tensor:
        """Args: generator: on the CPU or on the device of the logits. Returns: [B] int64."""
        probs = self.probs.detach().to(generator.device)
        drawn = torch.multinomial(probs, 1, generator=generator).squeeze(-1)
        return drawn.to(self.probs.device)

    def best(self) -> Tensor:
        """[B] int64: the likeliest action; of equals the first."""
        return self.log_probs.argmax(dim=-1)


def masked_logits(logits: Tensor, legal: Tensor) -> Tensor:
    """The logits, the lowest finite number where illegal, so that a row without any legal action
    stays finite too."""
    return logits.masked_fill(~legal, torch.finfo(logits.dtype).min)


def legal_policy(logits: Tensor, legal: Tensor) -> Tensor:
    """Softmax over the legal actions alone, exactly 0 elsewhere."""
    return MaskedCategorical(logits, legal).probs
