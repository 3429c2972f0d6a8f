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
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from hamlet.durability import sync_directory
from hamlet.errors import CheckpointError
from hamlet.schema import describe
from hamlet.tensor_header import (
    DTYPE_NAMES,
    DTYPES,
    LENGTH_BYTES,
    Entry,
    check_places,
    digest_head,
    header_bytes,
    header_length,
    parse_header,
)

MOST_FILE_BYTES = 16 * 2**30
DIGEST = "digest"


class SavedFile(NamedTuple):
    """A file that is complete on disk; `sha256` is of all its bytes, in hex."""

    path: Path
    size: int
    sha256: str


class TensorFile(NamedTuple):
    tensors: dict[str, Tensor]
    metadata: dict[str, str]


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
    pieces = _pieces(tensors, metadata)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    whole, size = hashlib.sha256(), 0
    try:
        with open(temporary, "xb") as file:
            for piece in pieces:
                file.write(piece)
                whole.update(piece)
                size += len(piece)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
    return SavedFile(path, size, whole.hexdigest())


def tensor_file_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """What `write_tensor_file` writes. Raises: CheckpointError as it does."""
    return b"".join(_pieces(tensors, metadata))


def read_bare_tensors(content: bytes, name: str) -> TensorFile:
    """Read safetensors bytes that other programs wrote: checked as all are, but without a digest.

    Raises: CheckpointError with the exact fault.
    """
    return _read(io.BytesIO(content), name, signed=False)


def read_tensor_file(source: str | Path | bytes) -> TensorFile:
    """Read and verify a file, or the bytes of one.

    Every size is checked against the file before memory is taken, and each tensor is read into
    memory of its own, so that no more is taken than the file is long. Such memory begins at a
    multiple of 64 bytes: the last bits of a matrix product depend on where its numbers lie.

    Raises: CheckpointError with the exact fault.
    """
    name = name_of(source)
    try:
        with _opened(source, name) as file:
            return _read(file, name)
    except OSError as error:
        raise CheckpointError(f"{name}: cannot be read ({error.strerror})") from None


def name_of(source: Any) -> str:
    """What messages call a file, or the bytes of one. Raises: CheckpointError if it is neither."""
    if isinstance(source, bytes | bytearray | memoryview):
        return "checkpoint"
    if isinstance(source, str | Path):
        return Path(source).name
    raise CheckpointError(f"found {describe(source)}; expected a path to a file, or its bytes")


def _read(file: BinaryIO, name: str, *, signed: bool = True) -> TensorFile:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    length = header_length(file.read(LENGTH_BYTES + 1), size, name)
    file.seek(LENGTH_BYTES)
    metadata, entries = parse_header(file.read(length), name)
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    check_places(entries, size - LENGTH_BYTES - length, name)
    found = metadata.pop(DIGEST, None)
    if found is None and signed:
        raise CheckpointError(f"{name}: no digest; hamlet did not write this file")
    digest = hashlib.sha256(digest_head(metadata, entries))
    tensors = {}
    for entry in entries:
        raw = torch.empty(entry.end - entry.begin, dtype=torch.uint8)
        if file.readinto(memoryview(raw.numpy())) != len(raw):
            raise CheckpointError(f"{name}: truncated while it was being read")
        digest.update(raw.numpy())
        tensors[entry.name] = _typed(raw, entry, name)
    if found is not None and found != f"sha256:{digest.hexdigest()}":
        raise CheckpointError(
            f"{name}: digest {describe(found)} does not fit the content, whose digest is "
            f"sha256:{digest.hexdigest()}; the file was changed or damaged, fetch it again"
        )
    return TensorFile(tensors, metadata)


def _pieces(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> list[bytes | memoryview]:
    """A whole file, in order; the numbers are not copied."""
    blobs = {name: _raw(name, tensor) for name, tensor in tensors.items()}
    entries = _place(tensors, blobs)
    digest = hashlib.sha256(digest_head(metadata, entries))
    for entry in entries:
        digest.update(blobs[entry.name])
    head = header_bytes({**metadata, DIGEST: f"sha256:{digest.hexdigest()}"}, entries)
    return [head, *(blobs[entry.name] for entry in entries)]


def _raw(name: str, tensor: Tensor) -> memoryview:
    if tensor.dtype not in DTYPE_NAMES or tensor.layout != torch.strided:
        raise CheckpointError(
            f"tensor {name}: found {tensor.dtype} ({tensor.layout}); a checkpoint holds dense "
            f"tensors of {', '.join(map(str, DTYPE_NAMES))}"
        )
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy()) if flat.numel() else memoryview(b"")


def _place(tensors: Mapping[str, Tensor], blobs: Mapping[str, memoryview]) -> list[Entry]:
    """Widest numbers first, so that each tensor begins where its numbers may lie in memory."""
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    entries, begin = [], 0
    for name in names:
        end = begin + len(blobs[name])
        tensor = tensors[name]
        entries.append(Entry(name, DTYPE_NAMES[tensor.dtype], tuple(tensor.shape), begin, end))
        begin = end
    return entries


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


def _typed(raw: Tensor, entry: Entry, name: str) -> Tensor:
    dtype = DTYPES[entry.dtype]
    if dtype == torch.bool and len(raw) and int(raw.max()) > 1:
        raise CheckpointError(f"{name}: tensor {describe(entry.name)}: a bool is neither 0 nor 1")
    return raw.view(dtype).reshape(entry.shape)
