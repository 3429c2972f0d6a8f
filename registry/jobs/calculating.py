"""Running a version over all rows of a job, some at a time, on the device of this worker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from django.conf import settings

from hamlet.errors import CheckpointError
from hamlet.model import HamletModel
from registry.artifacts.errors import ArtifactDamagedError
from registry.artifacts.store import open_artifact
from registry.hosts.queues import CUDA
from registry.jobs.errors import JobFailedError
from registry.jobs.questions import part_of
from registry.models import ModelVersion
from registry.serving.engines import LoadedModel
from registry.serving.inputs import Arrays, Question
from registry.serving.pool import ModelPool, shared_pool
from registry.serving.targets import ONNX_RUNTIME, PYTORCH, Servable, Target

ON_CUDA, ON_CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
# Both engines would round every number to 10 bits (TF32), far from what processors answer.
ONNX_ON_CUDA = ((ON_CUDA, {"use_tf32": "0"}), ON_CPU)


def has_device(device: str) -> bool:
    return device != CUDA or torch.cuda.is_available()


@cache
def cuda_pool() -> ModelPool:
    """The models that this process keeps on its GPU."""
    return ModelPool(load_on_cuda, capacity_bytes=settings.MODEL_POOL_BYTES)


def loaded_digests() -> list[str]:
    """Of the files that this process keeps loaded, on any device."""
    return [*shared_pool().held(), *cuda_pool().held()]


def load_version(version: ModelVersion, target: Target, device: str) -> LoadedModel:
    """Raises: ArtifactDamagedError; OverloadedError if it does not fit into memory."""
    try:
        if device != CUDA:
            return shared_pool().get(target.servable)
        # What the class's own weights are is the checkpoint; an export is for processors.
        is_onnx = version.format == ModelVersion.Format.ONNX
        return cuda_pool().get(Servable(version.artifact, ONNX_RUNTIME if is_onnx else PYTORCH))
    except CheckpointError as error:
        # It was whole when it was registered, so this is no fault of the question.
        raise ArtifactDamagedError(f"{version} cannot be loaded: {error}") from error


def load_on_cuda(servable: Servable) -> LoadedModel:
    """Raises: CheckpointError, ArtifactDamagedError; JobFailedError for an ONNX file where ONNX
    Runtime cannot use the GPU."""
    content = open_artifact(servable.artifact)
    if servable.engine == ONNX_RUNTIME:
        return load_onnx_on_cuda(content, f"artifact {servable.sha256[:12]}")
    model = HamletModel.load_from_checkpoint(content, device=CUDA)

    def run(arrays: Arrays) -> Arrays:
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            outputs = model.run_checked(tensors)
        return {name: out.cpu().numpy() for name, out in outputs.items()}

    return LoadedModel(model.signature(), PYTORCH, run, model.weight_bytes)


def load_onnx_on_cuda(content: bytes, name: str) -> LoadedModel:
    import onnxruntime

    from hamlet.onnx_model import OnnxModel

    if ON_CUDA not in onnxruntime.get_available_providers():
        raise JobFailedError(
            "This version is an ONNX file, and the ONNX Runtime of this worker cannot use its GPU. "
            "Send the job with device cpu, or install onnxruntime-gpu on the worker."
        )
    model = OnnxModel.load_from_bytes(content, name=name, providers=ONNX_ON_CUDA)
    return LoadedModel(model.signature(), ONNX_RUNTIME, model.run_arrays, model.weight_bytes)


def answer_in_chunks(
    model: LoadedModel, question: Question, after_chunk: Callable[[int], None]
) -> Arrays:
    """Outputs by name, all rows of each.

    Args:
        after_chunk: told how many rows are done after each chunk; what it raises ends the work.
    Raises: InputError if an answer is not finite.
    """
    signature = model.signature
    size = min(signature.most_rows, settings.JOB_CHUNK_ROWS)
    pieces: dict[str, list[np.ndarray]] = defaultdict(list)
    for first in range(0, question.rows, size):
        outputs = model.run(part_of(signature, question, first, size))
        for name, array in outputs.items():
            pieces[name].append(array)
        after_chunk(min(first + size, question.rows))
    return {
        spec.name: np.concatenate(pieces[spec.name], axis=spec.batch_axis)
        for spec in signature.outputs
    }
