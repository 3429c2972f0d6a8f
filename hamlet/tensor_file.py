"""Files of named tensors in the safetensors format, read as if a stranger had sent them.

The format is 8 bytes of header length, a JSON header with type, shape and place of each tensor
and free text metadata, and the raw numbers. Reading it executes nothing. It is parsed here and
not by the safetensors library, since every fault is to be named and the digest checked in the
same pass; the tests read each other's files both ways.

Source: https://huggingface.co/docs/safetensors, "Format".
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from hamlet.errors import CheckpointError
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
MOST_FILE_BYTES = 16 * 2**30
METADATA = "__metadata__"
DIGEST = "digest"
# How well-known other files begin, for a kinder message.
OTHER_FORMATS = {
    b"PK\x03\x04": "a zip archive (torch.save makes such files, with pickle inside)",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "a gzip archive",
    b"\x80": "a pickle",
}


class SavedFile(NamedTuple):
    """A file that is complete on disk; `sha256` is of all its bytes, in hex."""

    path: Path
    size: int
    sha256: str


class TensorFile(NamedTuple):
    tensors: dict[str, Tensor]
    metadata: dict[str, str]


class _Entry(NamedTuple):
    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    def described(self) -> dict[str, Any]:
        place = [self.begin, self.end]
        return {"dtype": self.dtype, "shape": list(self.shape), "data_offsets": place}


def write_tensor_file(
    path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> SavedFile:
    """Write a new file so that `path` never names half of one, not even after a power cut.

    The file is written beside `path` under a name that begins with a dot and ends in `.tmp`,
    flushed to the disk and renamed. A digest of everything else is added to the metadata.

    Raises: CheckpointError for a tensor that the format cannot hold or a header that would be
        refused on reading; OSError if the disk refuses, in which case `path` is untouched.
    """
    path = Path(path)
    blobs = {name: _raw(name, tensor) for name, tensor in tensors.items()}
    entries = _place(tensors, blobs)
    digest = hashlib.sha256(_digest_head(metadata, entries))
    for entry in entries:
        digest.update(blobs[entry.name])
    head = _header({**metadata, DIGEST: f"sha256:{digest.hexdigest()}"}, entries)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    whole, size = hashlib.sha256(), 0
    try:
        with open(temporary, "xb") as file:
            for piece in [head, *(blobs[entry.name] for entry in entries)]:
                file.write(piece)
                whole.update(piece)
                size += len(piece)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)
    return SavedFile(path, size, whole.hexdigest())


def read_tensor_file(source: str | Path | bytes) -> TensorFile:
    """Read and verify a file, or the bytes of one.

    Every size is checked against the file before memory is taken, and each tensor is read into
    memory of its own, so that no more is taken than the file is long. Such memory begins at a
    multiple of 64 bytes: the last bits of a matrix product depend on where its numbers lie.

    Raises: CheckpointError with the exact fault.
    """
    name = Path(source).name if isinstance(source, str | Path) else "checkpoint"
    try:
        with _opened(source, name) as file:
            return _read(file, name)
    except OSError as error:
        raise CheckpointError(f"{name}: cannot be read ({error.strerror})") from None


def _read(file: BinaryIO, name: str) -> TensorFile:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    length = _header_length(file.read(LENGTH_BYTES + 1), size, name)
    file.seek(LENGTH_BYTES)
    metadata, entries = _parse_header(file.read(length), name)
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    _check_places(entries, size - LENGTH_BYTES - length, name)
    found = metadata.pop(DIGEST, None)
    if found is None:
        raise CheckpointError(f"{name}: no digest; hamlet did not write this file")
    digest = hashlib.sha256(_digest_head(metadata, entries))
    tensors = {}
    for entry in entries:
        raw = torch.empty(entry.end - entry.begin, dtype=torch.uint8)
        if file.readinto(memoryview(raw.numpy())) != len(raw):
            raise CheckpointError(f"{name}: truncated while it was being read")
        digest.update(raw.numpy())
        tensors[entry.name] = _typed(raw, entry, name)
    if found != f"sha256:{digest.hexdigest()}":
        raise CheckpointError(
            f"{name}: digest {describe(found)} does not fit the content, whose digest is "
            f"sha256:{digest.hexdigest()}; the file was changed or damaged, fetch it again"
        )
    return TensorFile(tensors, metadata)


def _raw(name: str, tensor: Tensor) -> memoryview:
    if tensor.dtype not in DTYPE_NAMES or tensor.layout != torch.strided:
        raise CheckpointError(
            f"tensor {name}: found {tensor.dtype} ({tensor.layout}); a checkpoint holds dense "
            f"tensors of {', '.join(map(str, DTYPE_NAMES))}"
        )
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy()) if flat.numel() else memoryview(b"")


def _place(tensors: Mapping[str, Tensor], blobs: Mapping[str, memoryview]) -> list[_Entry]:
    """Widest numbers first, so that each tensor begins where its numbers may lie in memory."""
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    entries, begin = [], 0
    for name in names:
        end = begin + len(blobs[name])
        tensor = tensors[name]
        entries.append(_Entry(name, DTYPE_NAMES[tensor.dtype], tuple(tensor.shape), begin, end))
        begin = end
    return entries


def _header(metadata: Mapping[str, str], entries: list[_Entry]) -> bytes:
    described = {entry.name: entry.described() for entry in entries}
    text = json.dumps({METADATA: dict(metadata), **described}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)
    if len(text) > MOST_HEADER_BYTES:
        raise CheckpointError(
            f"the header would have {len(text)} bytes; expected at most {MOST_HEADER_BYTES}; "
            "keep long lists of numbers as tensors"
        )
    return len(text).to_bytes(LENGTH_BYTES, "little") + text


def _digest_head(metadata: Mapping[str, str], entries: list[_Entry]) -> bytes:
    """What the digest covers before the raw numbers: all that the header says."""
    described = {entry.name: entry.described() for entry in entries}
    return canonical_json({"metadata": dict(metadata), "tensors": described}).encode()


def _sync_directory(directory: Path) -> None:
    """Make the rename itself last."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _opened(source: str | Path | bytes, name: str) -> BinaryIO:
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    try:
        status = Path(source).stat()
    except ValueError as error:  # a NUL in the name
        raise CheckpointError(f"{name}: cannot be read ({error})") from None
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError(f"{name}: not a regular file")
    if status.st_size > MOST_FILE_BYTES:
        raise CheckpointError(
            f"{name}: found {status.st_size} bytes; expected at most {MOST_FILE_BYTES}"
        )
    return open(source, "rb")


def _header_length(start: bytes, size: int, name: str) -> int:
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


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("a name stands twice")
    return mapping


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def read_json(text: str | bytes) -> Any:
    """JSON without names given twice and without NaN. Raises: ValueError."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _parse_header(text: bytes, name: str) -> tuple[dict[str, str], list[_Entry]]:
    try:
        header = read_json(text)
    except ValueError as error:
        raise CheckpointError(f"{name}: the header is no valid JSON ({error})") from None
    if not isinstance(header, dict):
        raise CheckpointError(f"{name}: the header is {describe(header)}; expected a mapping")
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise CheckpointError(f"{name}: {METADATA} must map names to text")
    return metadata, [_entry(key, value, name) for key, value in header.items()]


def _entry(key: str, value: Any, name: str) -> _Entry:
    where = f"{name}: tensor {describe(key)}"
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(f"{where}: expected dtype, shape and data_offsets")
    dtype, shape, place = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise CheckpointError(
            f"{where}: found dtype {describe(dtype)}; expected one of {', '.join(DTYPES)}"
        )
    for label, numbers in (("shape", shape), ("data_offsets", place)):
        if not isinstance(numbers, list) or not all(_is_size(n) for n in numbers):
            raise CheckpointError(f"{where}: {label} must be a list of whole numbers from 0")
    if len(shape) > 16 or len(place) != 2 or place[0] > place[1]:
        raise CheckpointError(f"{where}: expected data_offsets [begin, end] and at most 16 axes")
    expected = math.prod(shape) * DTYPES[dtype].itemsize
    if place[1] - place[0] != expected:
        raise CheckpointError(
            f"{where}: data_offsets give it {place[1] - place[0]} bytes; {dtype} of shape "
            f"{shape} needs {expected}"
        )
    return _Entry(key, dtype, tuple(shape), *place)


def _is_size(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**48


def _check_places(entries: list[_Entry], available: int, name: str) -> None:
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


def _typed(raw: Tensor, entry: _Entry, name: str) -> Tensor:
    dtype = DTYPES[entry.dtype]
    if dtype == torch.bool and len(raw) and int(raw.max()) > 1:
        raise CheckpointError(f"{name}: tensor {describe(entry.name)}: a bool is neither 0 nor 1")
    return raw.view(dtype).reshape(entry.shape)
