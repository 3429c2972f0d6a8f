"""In which order a fit looks at its examples, and which of them in the mirror.

Both follow from the seed and the epoch alone, so nothing of it has to be saved.
Shapes: N examples, B of one batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hamlet.learning.randomness import generator_for
from hamlet.learning.supervised_examples import Examples


class Order:
    """Attributes:
    batches: of one epoch; the last may be smaller.
    """

    def __init__(self, examples: Examples, batch_size: int, seed: int, *, flip: bool) -> None:
        """Args: flip: whether half of the examples, by chance, are shown in the mirror."""
        self.examples, self.batch_size, self.seed, self.flip = examples, batch_size, seed, flip
        self.batches = math.ceil(len(examples) / batch_size)
        self._drawn: tuple[int, Tensor, Tensor] | None = None  # of one epoch

    def batch(self, epoch: int, number: int) -> tuple[Examples, Tensor | None]:
        """Args: number: from 0. Returns: ([B] examples, [B] bool which are mirrored, if any)."""
        if self._drawn is None or self._drawn[0] != epoch:
            self._drawn = epoch, *self._draw(epoch)
        _, order, flipped = self._drawn
        rows = slice(number * self.batch_size, (number + 1) * self.batch_size)
        return self.examples.take(order[rows]), flipped[rows] if self.flip else None

    def _draw(self, epoch: int) -> tuple[Tensor, Tensor]:
        count, device = len(self.examples), self.examples.own.device
        order, flip = (
            generator_for(self.seed, f"supervised {purpose} {epoch}")
            for purpose in ("order", "flip")
        )
        flipped = torch.rand(count, generator=flip) < 0.5
        return torch.randperm(count, generator=order).to(device), flipped.to(device)
