"""Models that were made elsewhere, as MLflow's flavours save them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SIZES = (40, 16, 5)


def weights() -> list[np.ndarray]:
    drawn = np.random.default_rng(0)
    return [
        drawn.normal(size=sizes).astype(np.float32) for sizes in zip(SIZES, SIZES[1:], strict=False)
    ]


def dense() -> Any:
    """An ONNX model of another program: `x` [batch, 40] to `scores` [batch, 5]."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w0"], ["hidden"]),
            helper.make_node("MatMul", ["hidden", "w1"], ["scores"]),
        ],
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", SIZES[0]])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", SIZES[-1]])],
        [numpy_helper.from_array(each, f"w{at}") for at, each in enumerate(weights())],
    )
    opset = helper.make_opsetid("", 18)
    return helper.make_model(graph, opset_imports=[opset], ir_version=10)


def save_onnx(proto: Any, folder: Path) -> Path:
    """As `mlflow.onnx.log_model` does without being asked: weights in a file beside the graph."""
    import mlflow.onnx

    mlflow.onnx.save_model(proto, folder, pip_requirements=["onnx"])
    return folder


def save_sklearn(folder: Path, form: str) -> Path:
    import mlflow.sklearn
    from sklearn.linear_model import LinearRegression

    fitted = LinearRegression().fit(np.eye(3), [1, 2, 3])
    mlflow.sklearn.save_model(
        fitted, folder, serialization_format=form, pip_requirements=["scikit-learn"]
    )
    return folder


def save_function(folder: Path) -> Path:
    """A model that is Python alone, kept as a pickle."""
    import mlflow.pyfunc

    class Doubler(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input

    mlflow.pyfunc.save_model(folder, python_model=Doubler(), pip_requirements=["numpy"])
    return folder
