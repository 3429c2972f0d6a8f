"""Models in memory, ready to answer: ONNX Runtime for speed, PyTorch as the reference.

Both take arrays by the names of the signature and give arrays by its names, and keep no state.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from hamlet.model import HamletModel
from hamlet.sample_inputs import zero_inputs
from hamlet.signature import Signature
from registry.artifacts.store import open_artifact
from registry.serving.inputs import Arrays, question_of
from registry.serving.targets import ONNX_RUNTIME, Servable

if TYPE_CHECKING:
    from hamlet.onnx_model import OnnxModel

# What a model of no weights takes: Python's objects, the engine's plan. Measured with models of
# 2 to 40 layers: 0.3 to 1.1 MB.
FIXED_BYTES = 2**20
# ONNX Runtime keeps matrices a second time, packed for its kernels.
COPIES = {ONNX_RUNTIME: 2}
WARM_UP_RUNS = 3
MOST_WARM_UP_ROWS = 16
NEW_MEASURE = 0.1  # how much one run changes what is expected of the next


class LoadedModel:
    """A model that answers. Thread-safe, but for its measure, where a lost update harms nobody.

    Attributes:
        signature: what it takes and gives. engine: what runs it.
        memory_bytes: that it takes as long as it is loaded.
    """

    def __init__(
        self,
        signature: Signature,
        engine: str,
        run: Callable[[Arrays], Arrays],
        weight_bytes: int,
    ) -> None:
        self.signature = signature
        self.engine = engine
        self._run = run
        self.memory_bytes = FIXED_BYTES + COPIES.get(engine, 1) * weight_bytes
        self._run_s, self._row_s = 0.0, 0.0
        self._warm_up()

    def run(self, arrays: Arrays) -> Arrays:
        """Raises: InputError if an answer is not finite."""
        return self._run(arrays)

    def expected_s(self, rows: int) -> float:
        """Seconds of work that a run of so many rows is likely to be."""
        return self._run_s + rows * self._row_s

    def note_run(self, rows: int, took_s: float) -> None:
        """Let the expectation follow what is measured, as CPU time of the thread that ran: on a
        machine with much to do a run lasts longer, but is no more work."""
        expected_s = self.expected_s(rows)
        if expected_s > 0:
            factor = 1 + NEW_MEASURE * (min(took_s / expected_s, 10.0) - 1)
            self._run_s *= factor
            self._row_s *= factor

    def _warm_up(self) -> None:
        """The first run plans and takes memory; nobody shall wait for that. Measures one row and
        several, which tells what a run costs and what a row does."""
        many = min(MOST_WARM_UP_ROWS, self.signature.most_rows)
        one_s, many_s = self._fastest_s(1), self._fastest_s(many)
        self._row_s = max(many_s - one_s, 0.0) / max(many - 1, 1)
        self._run_s = max(one_s - self._row_s, 1e-6)

    def _fastest_s(self, rows: int) -> float:
        arrays = question_of(self.signature, zero_inputs(self.signature, rows)).arrays
        took = []
        for _ in range(WARM_UP_RUNS):
            began = time.thread_time()
            self._run(arrays)
            took.append(time.thread_time() - began)
        return min(took)


def load_servable(servable: Servable) -> LoadedModel:
    """Raises: CheckpointError (OnnxFileError among them), ArtifactDamagedError."""
    content = open_artifact(servable.artifact)
    if servable.engine == ONNX_RUNTIME:
        from hamlet.onnx_model import OnnxModel

        onnx_model: OnnxModel = OnnxModel.load_from_bytes(
            content, name=f"artifact {servable.sha256[:12]}"
        )
        return LoadedModel(
            onnx_model.signature(), servable.engine, by_onnx(onnx_model), onnx_model.weight_bytes
        )
    # Requests are answered side by side; torch threads inside of one would only get in the way.
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    model = HamletModel.load_from_checkpoint(content)
    return LoadedModel(model.signature(), servable.engine, by_torch(model), model.weight_bytes)


def by_onnx(model: OnnxModel) -> Callable[[Arrays], Arrays]:
    """`model.run_arrays`, with what a single row left out kept ready: most questions have one."""
    signature = model.signature()
    single = {name: tensor.numpy() for name, tensor in zero_inputs(signature, 1).items()}
    whole = len(signature.inputs)
    first = next(spec for spec in signature.inputs if not spec.optional)
    name, axis = first.name, first.batch_axis

    def run(arrays: Arrays) -> Arrays:
        if len(arrays) < whole and arrays[name].shape[axis] == 1:
            arrays = single | arrays
        return model.run_arrays(arrays)

    return run


def by_torch(model: HamletModel) -> Callable[[Arrays], Arrays]:
    def run(arrays: Arrays) -> Arrays:
        outputs = model.run_checked({name: _tensor(array) for name, array in arrays.items()})
        return {name: output.numpy() for name, output in outputs.items()}

    return run


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array if array.flags.writeable else array.copy())
