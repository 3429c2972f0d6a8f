"""The header of a safetensors file: written, and read as if a stranger had sent it.

It is JSON with type, shape and place of each tensor and free text metadata, behind 8 bytes that say
how long it is.

Source: https://huggingface.co/docs/safetensors, "Format".
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from hamlet.errors import CheckpointError
from hamlet.json_documents import read_json
from hamlet.schema import canonical_json, describe

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}
LENGTH_BYTES = 8
MOST_HEADER_BYTES = 16 * 2**20
METADATA = "__metadata__"
# How well-known other files begin, for a kinder message.
OTHER_FORMATS = {
    b"PK\x03\x04": "a zip archive (torch.save makes such files, with pickle inside)",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "a gzip archive",
    b"\x80": "a pickle",
}


class Entry(NamedTuple):
    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    def described(self) -> dict[str, Any]:
        place = [self.begin, self.end]
        return {"dtype": self.dtype, "shape": list(self.shape), "data_offsets": place}


def header_bytes(metadata: Mapping[str, str], entries: list[Entry]) -> bytes:
    described = {entry.name: entry.described() for entry in entries}
    text = json.dumps({METADATA: dict(metadata), **described}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)
    if len(text) > MOST_HEADER_BYTES:
        raise CheckpointError(
            f"the header would have {len(text)} bytes; expected at most {MOST_HEADER_BYTES}; "
            "keep long lists of numbers as tensors"
        )
    return len(text).to_bytes(LENGTH_BYTES, "little") + text


def digest_head(metadata: Mapping[str, str], entries: list[Entry]) -> bytes:
    """What the digest covers before the raw numbers: all that the header says."""
    described = {entry.name: entry.described() for entry in entries}
    return canonical_json({"metadata": dict(metadata), "tensors": described}).encode()


def header_length(start: bytes, size: int, name: str) -> int:
    """Judge the first bytes of a file of `size` bytes."""
    if len(start) < LENGTH_BYTES:
        raise CheckpointError(f"{name}: found {len(start)} bytes; this is no checkpoint")
    length = int.from_bytes(start[:LENGTH_BYTES], "little")
    if not start.endswith(b"{"):
        for beginning, kind in OTHER_FORMATS.items():
            if start.startswith(beginning):
                raise CheckpointError(
                    f"{name}: this is {kind}, whatever its name says; expected a safetensors file "
                    "as hamlet writes it. It was not opened"
                )
    if length > MOST_HEADER_BYTES:
        raise CheckpointError(
            f"{name}: the header claims {length} bytes; expected at most {MOST_HEADER_BYTES}"
        )
    if LENGTH_BYTES + length > size:
        raise CheckpointError(
            f"{name}: truncated: the header claims {length} bytes, and the file has {size}"
        )
    return length


def parse_header(text: bytes, name: str) -> tuple[dict[str, str], list[Entry]]:
    try:
        header = read_json(text)
    except ValueError as error:
        raise CheckpointError(f"{name}: the header is no valid JSON ({error})") from None
    if not isinstance(header, dict):
        raise CheckpointError(f"{name}: the header is {describe(header)}; expected a mapping")
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise CheckpointError(f"{name}: {METADATA} must map names to text")
    return metadata, [read_entry(key, value, name) for key, value in header.items()]


def read_entry(key: str, value: Any, name: str) -> Entry:
    where = f"{name}: tensor {describe(key)}"
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(f"{where}: expected dtype, shape and data_offsets")
    dtype, shape, place = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise CheckpointError(
            f"{where}: found dtype {describe(dtype)}; expected one of {', '.join(DTYPES)}"
        )
    for label, numbers in (("shape", shape), ("data_offsets", place)):
        if not isinstance(numbers, list) or not all(is_size(n) for n in numbers):
            raise CheckpointError(f"{where}: {label} must be a list of whole numbers from 0")
    if len(shape) > 16 or len(place) != 2 or place[0] > place[1]:
        raise CheckpointError(f"{where}: expected data_offsets [begin, end] and at most 16 axes")
    expected = math.prod(shape) * DTYPES[dtype].itemsize
    if place[1] - place[0] != expected:
        raise CheckpointError(
            f"{where}: data_offsets give it {place[1] - place[0]} bytes; {dtype} of shape "
            f"{shape} needs {expected}"
        )
    return Entry(key, dtype, tuple(shape), *place)


def is_size(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**48


def check_places(entries: list[Entry], available: int, name: str) -> None:
    """Tensors must lie one after the other, without gap or overlap, up to the end."""
    expected = 0
    for entry in entries:
        if entry.begin != expected:
            fault = "overlaps the one before it" if entry.begin < expected else "leaves a gap"
            raise CheckpointError(
                f"{name}: tensor {describe(entry.name)} begins at {entry.begin} and {fault}; "
                f"expected {expected}"
            )
        expected = entry.end
    if expected != available:
        fault = "truncated" if available < expected else "too long"
        raise CheckpointError(
            f"{name}: {fault}: found {available} bytes of numbers; the header describes {expected}"
        )
