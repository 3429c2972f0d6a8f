"""Answers of the Open Inference Protocol v2."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from hamlet.signature import Signature, TensorSpec
from registry.serving.inputs import Arrays
from registry.serving.prediction import Answer
from registry.serving.protocol.requests import InferRequest
from registry.serving.protocol.tensors import DATATYPES, OURS
from registry.serving.replies import exact
from registry.serving.targets import ONNX_RUNTIME, Target

JSON, BINARY = "application/json", "application/octet-stream"
HEADER_LENGTH = "Inference-Header-Content-Length"
SERVER_NAME = "hamletweb"
EXTENSIONS = ["binary_tensor_data"]
PLATFORMS = {ONNX_RUNTIME: "onnx_onnxv1"}
OWN_PLATFORM = "hamlet_safetensors"


@dataclass
class Reply:
    """What goes back over HTTP."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def json_reply(data: Any, status: int = 200) -> Reply:
    return Reply(orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY), status)


def infer_reply(request: InferRequest, target: Target, answer: Answer, request_id: str) -> Reply:
    """The outputs that were asked for, each as JSON or as bytes behind the JSON."""
    described, parts = [], []
    for spec in target.signature.outputs:
        if spec.name not in answer.outputs:
            continue  # the session keeps it
        if request.outputs is not None and spec.name not in request.outputs:
            continue
        binary = request.binary if request.outputs is None else request.outputs[spec.name]
        described.append(_describe(spec, answer.outputs, binary, parts))
    data: dict[str, Any] = {"model_name": target.model, "model_version": target.number}
    if request.id is not None:
        data["id"] = request.id
    timing = {f"{name}_ms": value for name, value in answer.timing_ms.items()}
    data["parameters"] = {
        "engine": target.servable.engine,
        "request_id": request_id,
        "batch_rows": answer.ran.batch_rows,
        **timing,
        **{f"session_{name}": value for name, value in (answer.session or {}).items()},
    }
    data["outputs"] = described
    head = orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)
    if not parts:
        return Reply(head)
    return Reply(
        b"".join([head, *parts]), content_type=BINARY, headers={HEADER_LENGTH: str(len(head))}
    )


def _describe(
    spec: TensorSpec, outputs: Arrays, binary: bool, parts: list[bytes]
) -> dict[str, Any]:
    array = outputs[spec.name]
    datatype = OURS[spec.dtype]
    data: dict[str, Any] = {"name": spec.name, "datatype": datatype, "shape": list(array.shape)}
    if binary:
        content = np.ascontiguousarray(array, DATATYPES[datatype]).tobytes()
        data["parameters"] = {"binary_data_size": len(content)}
        parts.append(content)
    else:
        data["data"] = exact(array).ravel()
    return data


def server_metadata(version: str) -> Reply:
    return json_reply({"name": SERVER_NAME, "version": version, "extensions": EXTENSIONS})


def health(ok: bool) -> Reply:
    """The specification names the key `live` for both questions, others `ready`: both are there."""
    return json_reply({"live": ok, "ready": ok}, 200 if ok else 503)


def model_metadata(target: Target, versions: list[str]) -> Reply:
    return json_reply(
        {
            "name": target.model,
            "versions": versions,
            "platform": PLATFORMS.get(target.servable.engine, OWN_PLATFORM),
            "inputs": describe_inputs(target.signature),
            "outputs": [_metadata(spec) for spec in target.signature.outputs],
        }
    )


def describe_inputs(signature: Signature) -> list[dict[str, Any]]:
    return [
        {**_metadata(spec), **({"parameters": {"optional": True}} if spec.optional else {})}
        for spec in signature.inputs
    ]


def _metadata(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": OURS[spec.dtype], "shape": list(spec.shape)}
