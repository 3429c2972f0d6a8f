"""The same ONNX file as an MLflow model, for `mlflow models serve`.

    python -m benchmarks.peers.mlflow_peer FOLDER

The file is named in the environment (onnx_session.MODEL). Its signature is told, or MLflow would
not know a list of booleans from numbers.
"""

from __future__ import annotations

import os
import sys

import mlflow
import numpy as np
import onnx
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

MODEL = "BENCHMARK_MODEL"
KINDS = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.BOOL: np.bool_,
    onnx.TensorProto.INT64: np.int64,
}


def schema(tensors: list[onnx.ValueInfoProto]) -> Schema:
    specs = []
    for tensor in tensors:
        kind = tensor.type.tensor_type
        shape = tuple(axis.dim_value or -1 for axis in kind.shape.dim)
        specs.append(TensorSpec(np.dtype(KINDS[kind.elem_type]), shape, tensor.name))
    return Schema(specs)


def save(folder: str) -> None:
    proto = onnx.load(os.environ[MODEL])
    mlflow.onnx.save_model(
        proto,
        folder,
        pip_requirements=[],  # it runs in this environment, which has what it needs
        onnx_session_options={"intra_op_num_threads": 1, "inter_op_num_threads": 1},
        onnx_execution_providers=["CPUExecutionProvider"],
        signature=ModelSignature(schema(proto.graph.input), schema(proto.graph.output)),
    )


if __name__ == "__main__":
    save(sys.argv[1])
