"""How far two answers to the same question lie apart.

Two engines that run the same network round in another order, so their numbers agree up to a few
units of the last place of the largest number that was added up. The relative difference is
therefore measured against the largest number of the tensor, not against each small one.

Shapes: B batch, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class Difference(NamedTuple):
    """Attributes:
    absolute: largest difference of two numbers. relative: the same, divided by the largest
        number (by magnitude) of the tensor it stands in.
    choices: how many actions or other whole numbers differ. Where both actions have values so
        close that rounding decides, either is right and none is counted.
    """

    absolute: float = 0.0
    relative: float = 0.0
    choices: int = 0

    def larger(self, other: Difference) -> Difference:
        return Difference(
            max(self.absolute, other.absolute),
            max(self.relative, other.relative),
            self.choices + other.choices,
        )


def difference(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor], *, close: float
) -> Difference:
    """Compare outputs by name; both hold the same names and shapes.

    Args: close: relative difference up to which two values count as equal when the choice
        between them differs.
    """
    whole = Difference()
    for name, tensor in expected.items():
        other = found[name].to(tensor.device)
        if tensor.is_floating_point():
            whole = whole.larger(_of_numbers(tensor, other))
        else:
            differs = tensor != other
            values = expected.get("q_values")
            if name == "actions" and values is not None and values.shape[:-1] == tensor.shape:
                differs &= ~_equally_good(values, tensor, other, close)
            whole = whole.larger(Difference(choices=int(differs.sum())))
    return whole


def _of_numbers(expected: Tensor, found: Tensor) -> Difference:
    if expected.numel() == 0:
        return Difference()
    absolute = float((expected.double() - found.double()).abs().max())
    largest = float(expected.double().abs().max())
    return Difference(absolute, absolute / largest if largest > 0 else absolute)


def _equally_good(values: Tensor, actions: Tensor, others: Tensor, close: float) -> Tensor:
    """[B] true where both actions have the same value up to rounding."""
    in_range = (others >= 0) & (others < values.shape[-1])
    second = torch.where(in_range, others, actions)
    gap = values.gather(-1, actions[..., None]) - values.gather(-1, second[..., None])
    return in_range & (gap.squeeze(-1).abs() <= close * values.abs().max())
