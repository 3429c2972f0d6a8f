"""The ONNX file of a benchmark, opened as each peer opens it: one thread, inputs by their names.

Peers may run with another Python than ours, so nothing of the platform is imported here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime

MODEL, TOKEN = "BENCHMARK_MODEL", "BENCHMARK_TOKEN"  # names in the environment
DTYPES = {"tensor(float)": np.float32, "tensor(bool)": np.bool_, "tensor(int64)": np.int64}


class OnnxSession:
    """Attributes: inputs: dtype by name. outputs: names."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(os.environ[MODEL], options)
        self.inputs = {spec.name: DTYPES[spec.type] for spec in self._session.get_inputs()}
        self.outputs = [spec.name for spec in self._session.get_outputs()]

    def run(self, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Args: given: lists or arrays by input name."""
        arrays = {name: np.asarray(given[name], dtype) for name, dtype in self.inputs.items()}
        return dict(zip(self.outputs, self._session.run(None, arrays), strict=True))
