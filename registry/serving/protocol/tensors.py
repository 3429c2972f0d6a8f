"""Tensors of the Open Inference Protocol v2: its datatypes, as JSON or as bytes, and ours.

Our models take FP32, INT64 and BOOL. Every other numeric datatype may stand for one of them as
long as no value changes: 3.0 sent as FP64 for an INT64, 0 and 1 sent as UINT8 for a BOOL. A BOOL
stands for itself alone. Where a value would change, the request is refused with that value.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

import numpy as np

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from registry.serving.plain_inputs import LARGEST

# By name, as little-endian bytes and as NumPy knows them.
DATATYPES: dict[str, np.dtype] = {
    "BOOL": np.dtype("?"),
    **{f"UINT{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
}
OURS = {"float32": "FP32", "int64": "INT64", "bool": "BOOL"}
WITHOUT_NUMBERS = ("BYTES", "BF16")
MOST_AXES = 8
# What JSON may hold for each kind of datatype, as Python reads it. A bool is no number.
LEAVES: dict[str, tuple[set[type], str]] = {
    "f": ({int, float}, "numbers"),
    "i": ({int}, "whole numbers"),
    "u": ({int}, "whole numbers"),
    "b": ({bool}, "true or false"),
}


def read_datatype(value: Any, path: str) -> np.dtype:
    """Raises: SpecError."""
    found = DATATYPES.get(value) if isinstance(value, str) else None
    if found is not None:
        return found
    if value in WITHOUT_NUMBERS:
        message = f"found {value}; no model here takes it. Expected one of {', '.join(DATATYPES)}"
    else:
        message = f"found {describe(value)}; expected one of {', '.join(DATATYPES)}"
    raise SpecError([Problem(path, message)])


def read_shape(value: Any, path: str) -> tuple[int, ...]:
    """Raises: SpecError. No memory is taken for the sizes it names."""
    whole = isinstance(value, list) and all(type(size) is int and size >= 0 for size in value)
    if whole and 1 <= len(value) <= MOST_AXES:
        return tuple(value)
    message = f"found {_spelt(value)}; expected 1 to {MOST_AXES} whole numbers, none negative"
    raise SpecError([Problem(path, message)])


def from_json(data: Any, dtype: np.dtype, shape: tuple[int, ...], path: str) -> np.ndarray:
    """Numbers from a JSON list: all of them in a row, row-major, or nested as the shape says.

    Raises: SpecError.
    """
    if dtype == DATATYPES["FP16"]:
        message = "FP16 has no JSON form; send it as FP32, or with the binary tensor extension"
        raise SpecError([Problem(path, message)])
    if not isinstance(data, list):
        raise SpecError([Problem(path, f"found {describe(data)}; expected a list")])
    nested = bool(data) and isinstance(data[0], list)
    flat = _flatten(data, shape, path) if nested else data
    if len(flat) != math.prod(shape):
        message = (
            f"found {len(flat)} values; the shape {list(shape)} says {_number(math.prod(shape))}"
        )
        raise SpecError([Problem(path, message)])
    allowed, words = LEAVES[dtype.kind]
    if not set(map(type, flat)) <= allowed:
        index = next(index for index, leaf in enumerate(flat) if type(leaf) not in allowed)
        message = f"value {index}: found {describe(flat[index])}; expected {words}"
        raise SpecError([Problem(path, message)])
    try:
        array = np.array(flat, np.float64 if dtype.kind == "f" else dtype)
        if array.dtype != dtype:
            too_large = array.size and not -LARGEST <= array.min() <= array.max() <= LARGEST
            if too_large:
                raise OverflowError
            array = array.astype(dtype)
        return array.reshape(shape)
    except OverflowError:
        message = f"found a number outside of the range of {dtype.name}"
        raise SpecError([Problem(path, message)]) from None


def from_bytes(part: memoryview, dtype: np.dtype, shape: tuple[int, ...], path: str) -> np.ndarray:
    """Row-major little-endian numbers. Raises: SpecError."""
    expected = math.prod(shape) * dtype.itemsize
    if len(part) != expected:
        message = (
            f"found {len(part)} bytes; the shape {list(shape)} of {dtype.name} says "
            f"{_number(expected)}"
        )
        raise SpecError([Problem(path, message)])
    if dtype.kind == "b" and np.frombuffer(part, np.uint8).max(initial=0) > 1:
        message = "found a byte above 1; a BOOL is a byte of 0 or 1"
        raise SpecError([Problem(path, message)])
    return np.frombuffer(part, dtype).reshape(shape)


def convert(array: np.ndarray, wanted: str, path: str) -> np.ndarray:
    """The same values as another datatype: `float32`, `int64` or `bool`.

    Raises: SpecError if a value would change.
    """
    target = np.dtype(wanted)
    if array.dtype == target:
        return array
    if array.dtype.kind == "b":
        message = f"found BOOL; expected {OURS[wanted]}"
        raise SpecError([Problem(path, message)])
    with np.errstate(all="ignore"):
        converted = array.astype(target)
        # A long double holds every value of 64 bits, so this comparison rounds nothing.
        changed = converted.astype(np.longdouble) != array.astype(np.longdouble)
    if changed.any():
        index = int(changed.ravel().argmax())
        value = array.ravel()[index].item()
        message = (
            f"value {index}: found {value} as {_name(array.dtype)}, which would change as "
            f"{OURS[wanted]}. Round it yourself and send {OURS[wanted]}"
        )
        raise SpecError([Problem(path, message)])
    return converted


def _flatten(data: list[Any], shape: tuple[int, ...], path: str) -> list[Any]:
    level: list[Any] = [data]
    for axis, size in enumerate(shape):
        for item in level:
            if type(item) is not list or len(item) != size:
                found = f"{len(item)} entries" if type(item) is list else describe(item)
                message = (
                    f"axis {axis}: found {found}; the shape {list(shape)} says {size}. Send "
                    "lists nested as the shape says, or all values in one list"
                )
                raise SpecError([Problem(path, message)])
        level = list(chain.from_iterable(level))
    return level


def _name(dtype: np.dtype) -> str:
    return next(name for name, known in DATATYPES.items() if known == dtype)


def _number(value: int) -> str:
    return str(value) if value < 10**18 else "more than 10^18"


def _spelt(value: Any) -> str:
    if not isinstance(value, list) or len(value) > MOST_AXES:
        return describe(value)
    return f"[{', '.join(map(describe, value))}]"
