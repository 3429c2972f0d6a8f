"""Inputs to try a model with, made from its signature alone.

Numbers are noise unless the signature says that they are a board: then they are positions of the
game, since noise asks a network of a board what nobody will.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from hamlet.answering import left_out, sizes_of
from hamlet.sample_positions import random_positions, special_positions, takes_positions
from hamlet.signature import Signature, TensorSpec
from hamlet.tensor_inputs import DTYPES

TRIAL_ROWS = (1, 3, 32)
# 1,000 random positions in batches of 64, 2 and 1.
POSITION_ROWS = (*[64] * 15, *[2] * 18, *[1] * 4)


class Trial(NamedTuple):
    """One question to ask two engines. `label`: zeros, random, required (random, what is optional
    left out), or the name of a special position."""

    label: str
    rows: int
    inputs: dict[str, Tensor]


def trials(signature: Signature, generator: torch.Generator) -> Iterator[Trial]:
    """Questions by which another engine is compared with the original."""
    if takes_positions(signature):
        for label, inputs in special_positions().items():
            yield Trial(label, 1, inputs)
        for rows in POSITION_ROWS:
            yield Trial("random", rows, random_positions(rows, generator))
        return
    for rows in TRIAL_ROWS:
        drawn = random_inputs(signature, rows, generator)
        yield Trial("zeros", rows, zero_inputs(signature, rows))
        yield Trial("random", rows, drawn)
        yield Trial("required", rows, required_only(signature, drawn))


def zero_inputs(signature: Signature, rows: int) -> dict[str, Tensor]:
    """Every input: zeros, and true for bools, of which a row may need one."""
    return {spec.name: left_out(spec, rows) for spec in signature.inputs}


def random_inputs(signature: Signature, rows: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Every input: normal numbers of variance 1, coins for bools, and 0 or 1 for whole numbers,
    which may count anything. A mask has at least one true in every row. A board holds a position
    of the game."""
    if takes_positions(signature):
        return random_positions(rows, generator)
    return {spec.name: _random(spec, rows, generator) for spec in signature.inputs}


def required_only(signature: Signature, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {spec.name: tensors[spec.name] for spec in signature.inputs if not spec.optional}


def row(signature: Signature, tensors: dict[str, Tensor], index: int) -> dict[str, Tensor]:
    """One row of a batch, as a batch of one."""
    axes = {spec.name: spec.batch_axis for spec in signature.inputs}
    return {
        name: tensor.narrow(axes[name], index, 1).contiguous() for name, tensor in tensors.items()
    }


def _random(spec: TensorSpec, rows: int, generator: torch.Generator) -> Tensor:
    sizes = sizes_of(spec, rows)
    if spec.dtype == "float32":
        return torch.randn(sizes, generator=generator)
    coins = torch.randint(2, sizes, generator=generator).to(DTYPES[spec.dtype])
    if spec.some_true:
        by_row = coins.movedim(spec.batch_axis, 0).reshape(rows, -1)
        chosen = torch.randint(by_row.shape[1], (rows,), generator=generator)
        by_row[torch.arange(rows), chosen] = True
        moved = coins.movedim(spec.batch_axis, 0).shape
        coins = by_row.reshape(moved).movedim(0, spec.batch_axis).contiguous()
    return coins
