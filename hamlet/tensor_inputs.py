"""Numbers from a stranger to a tensor of known type and shape, or the reason why not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hamlet.errors import Problem
from hamlet.schema import describe

DTYPES = {"float32": torch.float32, "int64": torch.int64, "bool": torch.bool}
MOST_PROBLEMS = 20

# What a JSON list may hold for each type. A bool is no number here, though Python says so.
_LEAVES: dict[str, tuple[type, ...]] = {"float32": (float, int), "int64": (int,), "bool": (bool,)}
# The same as scalars of NumPy, which only Python code can send.
_NUMPY_LEAVES: dict[str, tuple[type, ...]] = {
    "float32": (np.floating, np.integer),
    "int64": (np.integer,),
    "bool": (np.bool_,),
}
_LEAF_WORDS = {"float32": "a number", "int64": "a whole number", "bool": "true or false"}
_NUMPY_NAMES = {"bool", "float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64"}
_NUMPY = {"float32": np.float64, "int64": np.int64, "bool": np.bool_}


@dataclass(frozen=True)
class BoundShape:
    """The shape that a tensor must have; -1 stands for a batch of 1 to `most_rows`, if any.

    `meaning` says what the last axis counts, for messages.
    """

    sizes: tuple[int, ...]
    most_rows: int | None
    meaning: str = ""

    def problem(self, axis: int, found: int) -> str | None:
        """What is wrong with `found` entries along `axis`."""
        expected = self.sizes[axis]
        if expected == -1:
            if found == 0:
                return "found a batch of 0; expected 1 row or more"
            if self.most_rows is None or found <= self.most_rows:
                return None
            message = f"found a batch of {found}; expected 1 to {self.most_rows} rows"
            return f"{message}; send the others in further requests"
        if found == expected:
            return None
        meaning = self.meaning if axis == len(self.sizes) - 1 else ""
        return f"found {found} entries; expected {expected}{meaning}"


def read_tensor(
    value: Any, path: str, dtype: str, shape: BoundShape, problems: list[Problem]
) -> Tensor | None:
    """Returns: a tensor that shares no memory with a list or array; None with problems added.

    A tensor that already has the right type is returned as it is. Floats of another width are
    converted, then checked for what no longer fits.
    """
    before = len(problems)
    if isinstance(value, list | tuple):
        tensor = _from_list(value, path, dtype, shape, problems)
    elif isinstance(value, Tensor):
        tensor = _from_tensor(value, path, dtype, shape, problems)
    elif isinstance(value, np.ndarray) and value.dtype.name in _NUMPY_NAMES:
        # A copy, in the order and with the strides and byte order that torch knows.
        copied = np.array(value, dtype=value.dtype.name, order="C")
        tensor = _from_tensor(torch.from_numpy(copied), path, dtype, shape, problems)
    else:
        found = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else describe(value)
        problems.append(Problem(path, f"found {found}; expected a list of {dtype}"))
        return None
    if tensor is None or len(problems) > before:
        return None
    if dtype == "float32":
        _refuse_not_finite(tensor, path, problems)
    return tensor if len(problems) == before else None


def _from_tensor(
    value: Tensor, path: str, dtype: str, shape: BoundShape, problems: list[Problem]
) -> Tensor | None:
    wanted = DTYPES[dtype]
    if not holds_numbers(value):
        problems.append(Problem(path, f"found {describe_kind(value)}; expected a dense tensor"))
        return None
    if value.dtype != wanted and not (value.dtype.is_floating_point and wanted.is_floating_point):
        found = str(value.dtype).removeprefix("torch.")
        problems.append(Problem(path, f"found {found}; expected {dtype}"))
        return None
    if value.dim() != len(shape.sizes):
        message = f"found shape {list(value.shape)}; expected {len(shape.sizes)} axes"
        problems.append(Problem(path, message))
        return None
    for axis, found in enumerate(value.shape):
        if message := shape.problem(axis, found):
            # The path of the axis: its first entry, as a list would show it.
            problems.append(Problem(path + "[0]" * axis, message))
            return None
    return value.detach().to(wanted)


def holds_numbers(value: Tensor) -> bool:
    """False for a sparse, nested, quantized or meta tensor, whose numbers cannot just be read."""
    dense = value.layout == torch.strided and not value.is_nested and not value.is_quantized
    return dense and not value.is_meta


def describe_kind(value: Tensor) -> str:
    if value.is_meta:
        return "a meta tensor, which holds no numbers"
    if value.is_nested or value.is_quantized:
        return f"a {'nested' if value.is_nested else 'quantized'} tensor"
    return f"a tensor of layout {value.layout}"


def _from_list(
    value: Sequence[Any], path: str, dtype: str, shape: BoundShape, problems: list[Problem]
) -> Tensor | None:
    before = len(problems)
    _Walk(dtype, shape, problems).visit(value, path, 0)
    if len(problems) > before:
        return None
    try:
        array = np.array(value, dtype=_NUMPY[dtype])
    except OverflowError:
        message = f"found a number of too many digits; expected numbers that fit {dtype}"
        problems.append(Problem(path, message))
        return None
    return torch.from_numpy(array).to(DTYPES[dtype])


class _Walk:
    """Visits nested lists down to the axes of the shape, never deeper."""

    def __init__(self, dtype: str, shape: BoundShape, problems: list[Problem]) -> None:
        self.dtype, self.shape, self.problems = dtype, shape, problems
        self.rows: int | None = None  # the batch size, as the first list along that axis says
        self.most = len(problems) + MOST_PROBLEMS

    def visit(self, value: Any, path: str, axis: int) -> None:
        if not isinstance(value, list | tuple):
            axes = len(self.shape.sizes)
            message = f"found {describe(value)}; expected lists nested {axes} deep"
            self.problems.append(Problem(path, message))
            return
        if message := self.shape.problem(axis, len(value)) or self._ragged(axis, len(value)):
            self.problems.append(Problem(path, message))
        elif axis == len(self.shape.sizes) - 1:
            self._leaves(value, path)
        else:
            for index, item in enumerate(value):
                if len(self.problems) < self.most:
                    self.visit(item, f"{path}[{index}]", axis + 1)

    def _ragged(self, axis: int, found: int) -> str | None:
        if self.shape.sizes[axis] != -1:
            return None
        if self.rows is None:
            self.rows = found
        return None if found == self.rows else f"ragged: found {found} rows beside {self.rows}"

    def _leaves(self, row: Sequence[Any], path: str) -> None:
        allowed, numpy = _LEAVES[self.dtype], _NUMPY_LEAVES[self.dtype]
        if set(map(type, row)) <= set(allowed):
            return
        for index, item in enumerate(row):
            if type(item) not in allowed and not isinstance(item, numpy):
                message = f"found {describe(item)}; expected {_LEAF_WORDS[self.dtype]}"
                self.problems.append(Problem(f"{path}[{index}]", message))
                return


def _refuse_not_finite(tensor: Tensor, path: str, problems: list[Problem]) -> None:
    finite = torch.isfinite(tensor)
    if bool(finite.all()):
        return
    for place in (~finite).nonzero()[:MOST_PROBLEMS].tolist():
        number = float(tensor[tuple(place)])
        found = "NaN" if math.isnan(number) else str(number)
        where = path + "".join(f"[{index}]" for index in place)
        problems.append(Problem(where, f"found {found}; expected a finite float32 number"))
