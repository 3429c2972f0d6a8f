"""Inputs to try a model with, made from its signature alone."""

from __future__ import annotations

import torch
from torch import Tensor

from hamlet.answering import left_out, sizes_of
from hamlet.signature import Signature, TensorSpec
from hamlet.tensor_inputs import DTYPES


def zero_inputs(signature: Signature, rows: int) -> dict[str, Tensor]:
    """Every input: zeros, and true for bools, of which a row may need one."""
    return {spec.name: left_out(spec, rows) for spec in signature.inputs}


def random_inputs(signature: Signature, rows: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Every input: normal numbers of variance 1, coins for bools, and 0 or 1 for whole numbers,
    which may count anything. A mask has at least one true in every row."""
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
