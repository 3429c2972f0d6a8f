"""What all models that answer by name have in common, whatever runs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from hamlet.errors import InputError, Problem
from hamlet.signature import BATCH, Signature, TensorSpec
from hamlet.tensor_inputs import DTYPES


class Model(Protocol):
    """A model of any kind: HamletModel, OnnxModel.

    Attributes:
        metadata: plain data about its making. adapter: the system whose own request form fits it.
    """

    metadata: dict[str, Any]
    adapter: str | None

    @property
    def is_recurrent(self) -> bool: ...

    @property
    def parameter_count(self) -> int: ...

    @property
    def weight_bytes(self) -> int: ...

    def signature(self) -> Signature: ...

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]: ...

    def run_checked(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]: ...


def rows_of(signature: Signature, tensors: Mapping[str, Any]) -> int:
    """The batch size of tensors or arrays that `check_inputs` let through."""
    spec = next(spec for spec in signature.inputs if spec.name in tensors)
    return tensors[spec.name].shape[spec.batch_axis]


def sizes_of(spec: TensorSpec, rows: int) -> list[int]:
    """The shape of this tensor in a batch of `rows`."""
    return [rows if size == BATCH else size for size in spec.shape]


def left_out(spec: TensorSpec, rows: int) -> Tensor:
    """What stands for an optional input that nobody gave: true for bools (an action mask: all
    legal), zeros for numbers (a hidden state: a fresh episode)."""
    fill = spec.dtype == "bool"
    return torch.full(sizes_of(spec, rows), fill, dtype=DTYPES[spec.dtype])


def completed(signature: Signature, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All inputs of the signature, in its order, also those that were left out."""
    rows = rows_of(signature, tensors)
    return {
        spec.name: tensors[spec.name] if spec.name in tensors else left_out(spec, rows)
        for spec in signature.inputs
    }


def not_finite(name: str) -> InputError:
    message = f"numbers so large that {name} is no longer finite"
    return InputError([Problem("inputs", message)])


def refuse_not_finite(outputs: Mapping[str, Tensor]) -> None:
    """Raises: InputError naming the first output that holds NaN or an infinite number."""
    for name, output in outputs.items():
        if output.is_floating_point() and not bool(torch.isfinite(output).all()):
            raise not_finite(name)
