"""A version as a folder that MLflow knows: an ONNX model, and the original file beside it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.artifacts.models import Artifact
from registry.artifacts.store import open_artifact, open_verified
from registry.exports.models import ExportFormat
from registry.exports.services import ensure_export
from registry.mlflow_bridge import record
from registry.models import ModelVersion, User

# The nets are small, and a server with a GPU answers them as fast without it.
PROVIDERS = ["CPUExecutionProvider"]


@dataclass(frozen=True)
class Place:
    """Where the folder will lie over there, as MLflow writes it into the folder."""

    run_id: str
    model_id: str
    location: str


def onnx_of(version: ModelVersion, user: User | None) -> Artifact:
    """Raises: ExportError."""
    if version.format == ModelVersion.Format.ONNX:
        return version.artifact
    return ensure_export(version, ExportFormat.ONNX, user).artifact


def pack(version: ModelVersion, graph: Artifact, folder: Path, place: Place) -> None:
    """Fill a new folder. Raises: ArtifactDamagedError; OSError if the disk refuses."""
    import mlflow.onnx
    import onnx
    import onnxruntime
    from mlflow.models import Model

    content = open_artifact(graph)
    proto = onnx.load_model_from_string(content)
    mlflow.onnx.save_model(
        proto,
        folder,
        mlflow_model=Model(
            artifact_path=place.location,
            run_id=place.run_id,
            model_id=place.model_id,
            model_uuid=place.model_id,
        ),
        signature=signature_of(proto),
        pip_requirements=[f"onnx=={onnx.__version__}", f"onnxruntime=={onnxruntime.__version__}"],
        onnx_execution_providers=PROVIDERS,
        metadata={"hamlet": {"format": record.FORMAT, "record": record.RECORD}},
        save_as_external_data=False,
    )
    # MLflow has written the parsed file anew; these are the bytes whose sha256 is known.
    (folder / record.GRAPH).write_bytes(content)
    (folder / record.FOLDER).mkdir()
    (folder / record.RECORD).write_bytes(record.write(record.describe(version)))
    if graph.pk != version.artifact_id:
        with (
            open_verified(version.artifact) as original,
            (folder / record.ORIGINALS[version.format]).open("wb") as copy,
        ):
            shutil.copyfileobj(original, copy)


def signature_of(proto: Any) -> Any:
    """Inputs and outputs as the graph names them; -1 stands for the batch there as here."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    from hamlet.onnx_signature import graph_tensors

    def schema(specs: Any) -> Any:
        return Schema([TensorSpec(np.dtype(each.dtype), each.shape, each.name) for each in specs])

    inputs, outputs = graph_tensors(proto, record.GRAPH)
    return ModelSignature(inputs=schema(inputs), outputs=schema(outputs))
