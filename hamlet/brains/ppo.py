"""Actor and critic on one plain residual trunk, for proximal policy optimisation.

Sources: Schulman et al., https://arxiv.org/abs/1707.06347; Huang and Ontanon,
https://arxiv.org/abs/2006.14171 (masked logits, `hamlet.brains.masked_categorical`). It has no
section that says how it learns: that stands in the run's configuration.
"""

from __future__ import annotations

from torch import Tensor

from hamlet.brains.alphazero import AlphaZeroBrain, activations
from hamlet.brains.board import open_columns
from hamlet.brains.masked_categorical import MaskedCategorical
from hamlet.brains.residual import residual_fields

__all__ = ["FIELDS", "PpoBrain", "activations"]

FIELDS = residual_fields(blocks=4, channels=64)


class PpoBrain(AlphaZeroBrain):
    """As AlphaZero's, without squeeze and excitation."""

    squeeze = False

    def act(self, planes: Tensor, legal: Tensor | None = None) -> tuple[MaskedCategorical, Tensor]:
        """Args: legal [B, A] bool; None takes the columns that are not full.

        Returns: (distribution over the legal columns, value [B]).
        """
        logits, value = self(planes)
        legal = open_columns(planes) if legal is None else legal
        return MaskedCategorical(logits, legal), value.squeeze(1)
