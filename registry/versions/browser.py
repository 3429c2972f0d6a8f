"""A version in the browser: the script a person takes along, and whether the page can run it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from registry.downloads import export_name
from registry.exports.models import Export, ExportFormat
from registry.models import ModelVersion

RUNTIME = "ort.wasm.bundle.min.mjs"
ARRAYS = {"float32": "Float32Array", "int64": "BigInt64Array", "bool": "Uint8Array"}


def can_run(version: ModelVersion, exports: Iterable[Export]) -> bool:
    """Whether there is an ONNX file of the version."""
    return version.format == ModelVersion.Format.ONNX or any(
        export.format == ExportFormat.ONNX for export in exports
    )


def tensors(version: ModelVersion) -> list[dict[str, Any]]:
    """What the ONNX file takes for one row: name, type, shape, and the value that stands for
    nothing: 0, or true for a mask that allows all."""
    return [
        {
            "name": spec["name"],
            "type": spec["dtype"],
            "shape": [1 if size == -1 else size for size in spec["shape"]],
            "fill": 1 if spec["dtype"] == "bool" else 0,
        }
        for spec in version.signature["inputs"]
    ]


def script(version: ModelVersion) -> str:
    """A module for a page of one's own, beside the ONNX file and the two files of the runtime."""
    feeds = "\n".join(f"  {_key(one['name'])}: {_tensor(one)}," for one in tensors(version))
    outputs = [spec["name"] for spec in version.signature["outputs"]]
    shown = json.dumps("actions" if "actions" in outputs else outputs[0])
    return f"""\
import * as ort from "./{RUNTIME}";
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create("{export_name(version, "onnx")}");
const outputs = await session.run({{
{feeds}
}});
console.log({shown}, Array.from(outputs[{shown}].data, Number).join(" "));"""


def _key(name: str) -> str:
    """Of an object literal: names of ONNX may hold dots, slashes and colons."""
    return name if name.isidentifier() and name.isascii() else json.dumps(name)


def _tensor(one: dict[str, Any]) -> str:
    fill = ".fill(1)" if one["fill"] else ""
    data = f"new {ARRAYS[one['type']]}({math.prod(one['shape'])}){fill}"
    return f'new ort.Tensor("{one["type"]}", {data}, {one["shape"]})'
