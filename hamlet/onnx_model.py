"""ONNX files as models: the same questions and answers as HamletModel, run by ONNX Runtime."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hamlet.answering import completed, not_finite, rows_of, sizes_of
from hamlet.errors import InputError, Problem
from hamlet.onnx_files import MOST_FILE_BYTES, read_onnx
from hamlet.onnx_signature import output_names, read_words
from hamlet.onnx_tensors import KINDS, OnnxFileError, cut
from hamlet.signature import Signature

# All ONNX models of a process share this much for the numbers between input and output: a file
# whose answer takes more gets an error and not the memory of the machine. Weights come on top.
ARENA_BYTES = 512 * 2**20
Provider = str | tuple[str, dict[str, Any]]  # its name, or its name and options
CPU = ("CPUExecutionProvider",)
DTYPES = {"float32": np.float32, "int64": np.int64, "bool": np.bool_}
KEPT_ROWS = 32  # batches of up to so many rows find what fills left out inputs ready
_starting = threading.Lock()
MISSING = "ONNX models need a package: pip install onnx onnxruntime"


class OnnxModel:
    """An ONNX file frozen for use. Thread-safe: it keeps no state between calls.

    Attributes:
        metadata: what the file says of its making; plain data. adapter: the system whose own
        request form fits this model. brain_spec: of the network it was exported from, if it says.
        parameter_count: numbers of floating point among its weights. weight_bytes: of all.
    """

    def __init__(self, content: bytes, *, name: str, providers: Sequence[Provider] = CPU) -> None:
        proto = read_onnx(content, name)
        words = read_words(proto, name)
        self._signature = words.signature
        self.metadata, self.brain_spec = words.metadata, words.brain_spec
        self.adapter = words.signature.adapter
        self.parameter_count, self.weight_bytes = 0, 0
        for tensor in proto.graph.initializer:
            kind, count = KINDS[tensor.data_type], math.prod(tensor.dims)
            self.weight_bytes += count * kind.itemsize
            # A number without axes is a constant of the arithmetic.
            learned = kind.name.startswith("float") and len(tensor.dims)
            self.parameter_count += count if learned else 0
        del proto
        self._session = _session(content, name, providers)
        self._floats = [spec.name for spec in self._signature.outputs if spec.dtype == "float32"]
        self._names = [spec.name for spec in self._signature.outputs]
        # A foreign file is asked for its outputs by their own names, which its signature has.
        self._asked = output_names(self._signature) if words.exported else self._names
        self._fills: dict[int, dict[str, np.ndarray]] = {}

    @classmethod
    def load_from_bytes(
        cls, content: bytes, *, name: str = "model.onnx", providers: Sequence[Provider] = CPU
    ) -> OnnxModel:
        """Args: name: what messages call it. providers: of ONNX Runtime, by name or with
            options, best first.

        Raises: OnnxFileError with the reason; the file is checked before the engine sees it.
        """
        return cls(content, name=name, providers=providers)

    @classmethod
    def load_from_file(cls, path: str | Path, *, providers: Sequence[Provider] = CPU) -> OnnxModel:
        """Raises: OnnxFileError as `load_from_bytes` does, also if the file cannot be read."""
        path = Path(path)
        try:
            with path.open("rb") as file:
                content = file.read(MOST_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OnnxFileError(f"{path.name}: cannot be read ({reason})") from None
        return cls(content, name=path.name, providers=providers)

    @property
    def is_recurrent(self) -> bool:
        return self._signature.input("hidden_h") is not None

    def signature(self) -> Signature:
        """What `run` takes and gives. An input that is optional there may be left out here, though
        the file itself asks for all of them."""
        return self._signature

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """Answer inputs by the names of the signature, with outputs by its names.

        Raises: InputError naming what does not fit.
        """
        return self.run_checked(self._signature.check_inputs(inputs))

    def run_checked(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """`run` for what `signature().check_inputs` returned, or several such joined along
        each tensor's batch axis.

        Raises: InputError if an answer is not finite or would take too much memory.
        """
        whole = completed(self._signature, tensors)
        arrays = {name: tensor.cpu().contiguous().numpy() for name, tensor in whole.items()}
        answer = self.run_arrays(arrays)
        return {name: torch.from_numpy(array) for name, array in answer.items()}

    def run_arrays(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """`run_checked` without torch, for a server.

        Args: arrays: of the signature's types and shapes, which is not checked again. An optional
            one that is missing is filled: true for bools, zeros for numbers.
        Raises: InputError if an answer is not finite, would take too much memory, or if the graph
            cannot work with these numbers.
        """
        if len(arrays) < len(self._signature.inputs):
            arrays = self._filled(arrays)
        try:
            answer = self._session.run(self._asked, arrays)
        except engine_faults() as error:
            raise _unanswerable(error) from None
        outputs = dict(zip(self._names, answer, strict=True))
        for name in self._floats:
            if not np.isfinite(outputs[name]).all():
                raise not_finite(name)
        return outputs

    def _filled(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        rows = rows_of(self._signature, arrays)
        fills = self._fills.get(rows)
        if fills is None:
            fills = {
                spec.name: np.full(sizes_of(spec, rows), spec.dtype == "bool", DTYPES[spec.dtype])
                for spec in self._signature.inputs
                if spec.optional
            }
            if rows <= KEPT_ROWS:
                self._fills[rows] = fills
        return {**fills, **arrays}


def start_engine() -> Any:
    """Import and settle ONNX Runtime. Raises: OnnxFileError if it is not there."""
    with _starting:  # the arena can be registered only once
        return _settled_engine()


@functools.cache
def _settled_engine() -> Any:
    """ONNX Runtime, quiet, with one bounded arena for all sessions of this process."""
    try:
        import onnxruntime
    except ImportError:
        raise OnnxFileError(MISSING) from None
    onnxruntime.set_default_logger_severity(4)
    # One region from the start: pages are taken as they are touched, and nothing splinters.
    arena = onnxruntime.OrtArenaCfg(
        {"max_mem": ARENA_BYTES, "initial_chunk_size_bytes": ARENA_BYTES}
    )
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    place = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    onnxruntime.create_and_register_allocator(place, arena)
    return onnxruntime


@functools.cache
def engine_faults() -> tuple[type[Exception], ...]:
    """Everything ONNX Runtime raises. Its errors share no base but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = (kind for kind in vars(state).values() if isinstance(kind, type))
    return (*(kind for kind in own if issubclass(kind, Exception)), RuntimeError, MemoryError)


def _session(content: bytes, name: str, providers: Sequence[Provider]) -> Any:
    engine = start_engine()
    options = engine.SessionOptions()
    # Requests are answered side by side; threads inside of one would only get in the way.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    for key, value in (
        ("session.load_model_format", "ONNX"),
        ("session.use_env_allocators", "1"),
        ("session.use_device_allocator_for_initializers", "1"),
    ):
        options.add_session_config_entry(key, value)
    try:
        return engine.InferenceSession(
            content, options, providers=list(providers), enable_fallback=0
        )
    except (*engine_faults(), ValueError) as error:
        raise OnnxFileError(f"{name}: the engine refuses it: {cut(error)}") from None


def _unanswerable(error: Exception) -> InputError:
    if "Available memory" in str(error) or isinstance(error, MemoryError):
        message = (
            f"the answer would take more than {ARENA_BYTES // 2**20} MiB of memory; send fewer rows"
        )
        return InputError([Problem("inputs", message)])
    return InputError([Problem("inputs", f"the model cannot work with them: {cut(error)}")])
