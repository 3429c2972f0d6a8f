"""The numbers in an ONNX file: are they all there, and are they numbers?

A tensor of ONNX says its shape in one place and carries its numbers in another, or names a file
that holds them. Here nothing outside of the file is ever looked at, and nothing is allocated by
what a shape claims: it must agree with the bytes that are present.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hamlet.errors import CheckpointError
from hamlet.wording import describe

if TYPE_CHECKING:
    from onnx import TensorProto

MOST_AXES = 8
LARGEST_AXIS = 2**40


class OnnxFileError(CheckpointError):
    """An ONNX file is damaged, hostile, or outside of what hamlet runs."""


def cut(error: object) -> str:
    """The words of an engine written in C++, short and printable."""
    words = " ".join(str(error).split())
    words = words.rpartition("Status Message: ")[2] or words
    return "".join(letter if letter.isprintable() else "?" for letter in words[:200])


class Kind(NamedTuple):
    """How numbers of one type are kept: as raw bytes, or in the field `typed`."""

    name: str
    itemsize: int
    typed: str


# By the numbers of TensorProto.DataType in onnx.proto.
KINDS: dict[int, Kind] = {
    1: Kind("float32", 4, "float_data"),
    2: Kind("uint8", 1, "int32_data"),
    3: Kind("int8", 1, "int32_data"),
    4: Kind("uint16", 2, "int32_data"),
    5: Kind("int16", 2, "int32_data"),
    6: Kind("int32", 4, "int32_data"),
    7: Kind("int64", 8, "int64_data"),
    9: Kind("bool", 1, "int32_data"),
    10: Kind("float16", 2, "int32_data"),
    11: Kind("float64", 8, "double_data"),
    12: Kind("uint32", 4, "uint64_data"),
    13: Kind("uint64", 8, "uint64_data"),
}
TYPED = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")
FLOATS = ("float16", "float32", "float64")
EXTERNAL = 1  # TensorProto.DataLocation


def check_tensor(tensor: TensorProto, where: str) -> int:
    """Args: where: what messages call it.

    Returns: how many numbers it holds.
    Raises: OnnxFileError unless its numbers lie in the file, agree with its shape, and are finite.
    """
    _refuse_other_places(tensor, where)
    kind = KINDS.get(tensor.data_type)
    if kind is None:
        known = ", ".join(each.name for each in KINDS.values())
        raise OnnxFileError(f"{where}: found data type {tensor.data_type}; expected one of {known}")
    shape = list(tensor.dims)
    if len(shape) > MOST_AXES or not all(0 <= size < LARGEST_AXIS for size in shape):
        shown = describe(shape) if len(shape) > MOST_AXES else shape
        raise OnnxFileError(
            f"{where}: found shape {shown}; expected at most {MOST_AXES} axes of sizes from 0"
        )
    count = math.prod(shape)
    found = _count_present(tensor, kind, where)
    if found != count:
        raise OnnxFileError(
            f"{where}: its shape {shape} needs {count} numbers of {kind.name}; the file holds "
            f"{found:g}"
        )
    if kind.name in FLOATS:
        _refuse_not_finite(tensor, kind, count, where)
    return count


def _refuse_other_places(tensor: TensorProto, where: str) -> None:
    if tensor.data_location == EXTERNAL or len(tensor.external_data):
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        raise OnnxFileError(
            f"{where}: its numbers are external data, in the file {describe(location)}; expected "
            "them inside of the ONNX file. Save it again without external data "
            "(onnx.save(model, path, save_as_external_data=False))"
        )
    if tensor.HasField("segment"):
        raise OnnxFileError(f"{where}: found a segment of a larger tensor; expected whole tensors")


def _count_present(tensor: TensorProto, kind: Kind, where: str) -> float:
    filled = [field for field in TYPED if len(getattr(tensor, field))]
    raw = len(tensor.raw_data)
    if [field for field in filled if field != kind.typed] or (raw and filled):
        places = [*filled, *(["raw_data"] if raw else [])]
        raise OnnxFileError(
            f"{where}: found numbers in {' and '.join(places)}; expected {kind.name} in raw_data "
            f"or in {kind.typed}, not in both"
        )
    return len(getattr(tensor, kind.typed)) if filled else raw / kind.itemsize


def _refuse_not_finite(tensor: TensorProto, kind: Kind, count: int, where: str) -> None:
    numbers = _floats(tensor, kind)
    if np.isfinite(numbers).all():
        return
    if np.isnan(numbers).any():
        raise OnnxFileError(f"{where}: holds NaN; a model with such weights cannot answer")
    # One infinite number alone is how an exporter masks; among weights it is a broken training.
    if count > 1:
        raise OnnxFileError(f"{where}: holds infinite numbers; such a model cannot answer")


def _floats(tensor: TensorProto, kind: Kind) -> Any:
    if tensor.raw_data:
        return np.frombuffer(tensor.raw_data, dtype=np.dtype(kind.name).newbyteorder("<"))
    typed = getattr(tensor, kind.typed)
    if kind.name == "float16":  # its bits, each in a whole number of its own
        return np.array(typed, dtype=np.int64).astype(np.uint16).view(np.float16)
    return np.array(typed, dtype=kind.name)
