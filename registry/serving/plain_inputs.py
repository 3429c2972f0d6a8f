"""The short way from a body to arrays, for inputs that leave no doubt.

`Signature.check_inputs` says of every fault where it is, and takes its time for that. What is
plainly right needs no such care: this way makes sure that it is, without torch, and leaves
everything else to the long way, whose verdict stands.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from hamlet.signature import Signature, TensorSpec

Arrays = dict[str, np.ndarray]

# What the leaves of a list may be, as orjson reads them. A bool is no number.
LEAVES: dict[str, frozenset[type]] = {
    "float32": frozenset({float, int}),
    "int64": frozenset({int}),
    "bool": frozenset({bool}),
}
LARGEST = float(np.finfo(np.float32).max)
DTYPES = {"float32": np.dtype(np.float32), "int64": np.dtype(np.int64), "bool": np.dtype(np.bool_)}


@dataclass(slots=True)
class Question:
    """What one request asks: arrays by input name, all of them `rows` long along their batch."""

    arrays: Arrays
    rows: int


def read_plain(signature: Signature, inputs: Mapping[str, Any]) -> Question | None:
    """The question that these inputs plainly are; None where there is anything to say of them."""
    arrays: Arrays = {}
    rows = 0
    for spec in signature.inputs:
        value = inputs.get(spec.name)
        if value is None:
            if not spec.optional:
                return None
            continue
        if type(value) is list:
            array = _from_rows(value, spec, signature.most_rows)
        else:
            array = _from_array(value, spec)
        if array is None:
            return None
        size = array.shape[spec.batch_axis]
        if not 1 <= size <= signature.most_rows or (rows and size != rows):
            return None
        if spec.together_with and inputs.get(spec.together_with) is None:
            return None
        rows = size
        arrays[spec.name] = array
    # A name more than was read is one that the signature does not know, or stands for nothing.
    return Question(arrays, rows) if rows and len(arrays) == len(inputs) else None


def _from_rows(value: list[Any], spec: TensorSpec, most_rows: int) -> np.ndarray | None:
    """Lists of the common form, [batch, entries]."""
    # Too many are refused by their number; nobody looks at them.
    if len(spec.shape) != 2 or spec.shape[0] != -1 or not 0 < len(value) <= most_rows:
        return None
    size, allowed = spec.shape[1], LEAVES[spec.dtype]
    for row in value:
        if type(row) is not list or len(row) != size or not allowed.issuperset(map(type, row)):
            return None
    try:
        if spec.dtype == "float32":
            # Several times as fast as numpy reads a list; each is rounded once, as in the long way.
            packed = bytearray().join(_floats(size).pack(*row) for row in value)
            array = np.frombuffer(packed, np.float32).reshape(len(value), size)
            # There is no NaN in JSON. What came out as the largest number may have been larger.
            return array if array.min() > -LARGEST and array.max() < LARGEST else None
        array = np.array(value, DTYPES[spec.dtype])
    except (OverflowError, struct.error):
        return None
    return _if_sound(array, spec)


@lru_cache(maxsize=64)
def _floats(count: int) -> struct.Struct:
    return struct.Struct(f"{count}f")


def _from_array(value: Any, spec: TensorSpec) -> np.ndarray | None:
    """An array of the right type and shape."""
    if type(value) is not np.ndarray or value.dtype != DTYPES[spec.dtype]:
        return None
    if len(value.shape) != len(spec.shape):
        return None
    for found, size in zip(value.shape, spec.shape, strict=True):
        if size not in (-1, found):
            return None
    if not (value.flags.c_contiguous and value.flags.aligned and value.flags.writeable):
        value = np.array(value, order="C")
    return _if_sound(value, spec)


def _if_sound(array: np.ndarray, spec: TensorSpec) -> np.ndarray | None:
    if spec.dtype == "float32" and not np.isfinite(array).all():
        return None
    if spec.some_true:
        by_row = np.moveaxis(array, spec.batch_axis, 0).reshape(array.shape[spec.batch_axis], -1)
        if not by_row.any(axis=1).all():
            return None
    return array
