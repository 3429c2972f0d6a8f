"""What a person copies from a version's page: three lines of Python, and one of the shell."""

from __future__ import annotations

from typing import Any

from registry.downloads import file_name
from registry.models import ModelVersion


def three_lines(version: ModelVersion) -> str:
    """A program that answers one question with the downloaded file, without the platform."""
    if version.format == ModelVersion.Format.ONNX:
        return onnx_lines(version)
    return "\n".join(
        (
            "from hamlet.model import HamletModel",
            f'model = HamletModel.load_from_checkpoint("{file_name(version)}")',
            f"print({_question(version)})",
        )
    )


def onnx_lines(version: ModelVersion) -> str:
    feeds = ", ".join(
        f'"{spec["name"]}": np.{_numpy_zeros(spec)}' for spec in version.signature["inputs"]
    )
    return "\n".join(
        (
            "import numpy as np, onnxruntime",
            f'session = onnxruntime.InferenceSession("{file_name(version)}")',
            f"print(session.run(None, {{{feeds}}}))",
        )
    )


def curl_line(version: ModelVersion, base_url: str) -> str:
    """The same question over the API. The shell writes the zeros, since there may be hundreds."""
    inputs = ", ".join(f'"{spec["name"]}": {_shell_zeros(spec)}' for spec in _needed(version))
    body = (
        f'{{"model": "{version.model.name}", "version": "{version.number}", '
        f'"inputs": {{{inputs}}}}}'
    )
    return (
        f"curl {base_url}/api/v1/predict -H 'Authorization: Bearer '\"$HAMLET_TOKEN\" "
        f"-H 'Content-Type: application/json' -d '{body}'"
    )


def _question(version: ModelVersion) -> str:
    inputs = _needed(version)
    if [spec["name"] for spec in inputs] == ["observation"]:
        return f"model.predict([0.0] * {inputs[0]['shape'][-1]})"
    named = ", ".join(f'"{spec["name"]}": {_python_zeros(spec)}' for spec in inputs)
    return f"model.run({{{named}}})"


def _needed(version: ModelVersion) -> list[dict[str, Any]]:
    return [spec for spec in version.signature["inputs"] if not spec["optional"]]


def _zero(spec: dict[str, Any]) -> str:
    return {"float32": "0.0", "int64": "0", "bool": "True"}[spec["dtype"]]


def _python_zeros(spec: dict[str, Any]) -> str:
    text = _zero(spec)
    for size in reversed(spec["shape"]):
        text = f"[{text}] * {1 if size == -1 else size}"
    return text


def _numpy_zeros(spec: dict[str, Any]) -> str:
    shape = [1 if size == -1 else size for size in spec["shape"]]
    fill = "ones" if spec["dtype"] == "bool" else "zeros"
    return f'{fill}({shape}, "{spec["dtype"]}")'


def _shell_zeros(spec: dict[str, Any]) -> str:
    """JSON of one row of zeros; the last axis by `yes | head`, written between two quotes."""
    *outer, last = [1 if size == -1 else size for size in spec["shape"]]
    zero = _zero(spec).lower()
    text = f"['\"$(yes {zero} | head -n {last} | paste -sd, -)\"']"
    for size in reversed(outer):
        text = "[" + ", ".join([text] * size) + "]"
    return text
