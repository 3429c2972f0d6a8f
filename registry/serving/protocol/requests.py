"""Inference requests of the Open Inference Protocol v2: JSON, or JSON followed by bytes.

With the binary tensor data extension the header `Inference-Header-Content-Length` says how many
bytes are JSON; the tensors follow in the order of the inputs, each as long as its
`binary_data_size` says.

Source: https://github.com/kserve/open-inference-protocol and, for the extension,
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe, hint
from hamlet.signature import Signature
from registry.serving.bodies import read_document
from registry.serving.inputs import Question, check_question
from registry.serving.protocol.tensors import (
    convert,
    from_bytes,
    from_json,
    read_datatype,
    read_shape,
)
from registry.serving.sessions import Wish, read_wish

MOST_INPUTS = 64
LONGEST_ID = 256
# `model_name` and `model_version` stand in the address; some clients repeat them here.
REQUEST_FIELDS = ("id", "parameters", "inputs", "outputs", "model_name", "model_version")
INPUT_FIELDS = ("name", "shape", "datatype", "data", "parameters")
OUTPUT_FIELDS = ("name", "parameters")
# Parameters that would change the answer and that this server does not know how to obey. Others
# that it does not know have no effect, as the protocol leaves to the server.
NOT_HERE = {
    "sequence_id": "sequences; use the parameters session and session_reset",
    "sequence_start": "sequences; use the parameters session and session_reset",
    "sequence_end": "sequences; use the parameters session and session_reset",
    "shared_memory_region": "shared memory; send the tensors in the request",
    "classification": "classification; read the output and choose yourself",
}


@dataclass
class InferRequest:
    """What a request says, its tensors as they were sent.

    Attributes:
        outputs: names and whether each is wanted as bytes; None for all.
        binary: whether outputs that say nothing of it are wanted as bytes.
    """

    id: str | None
    inputs: dict[str, np.ndarray]
    outputs: dict[str, bool] | None
    binary: bool
    wish: Wish | None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def question(self, signature: Signature) -> Question:
        """Raises: SpecError naming every input that does not fit."""
        known = {spec.name: spec for spec in signature.inputs}
        arrays = {
            name: convert(array, known[name].dtype, f"inputs.{name}") if name in known else array
            for name, array in self.inputs.items()
        }
        return check_question(signature, arrays, "inputs.")

    def check_outputs(self, signature: Signature) -> None:
        """Raises: SpecError naming an output that the model does not have."""
        known = [spec.name for spec in signature.outputs]
        for name in self.outputs or ():
            if name not in known:
                message = f"unknown output; expected {', '.join(known)}{hint(name, known)}"
                raise SpecError([Problem(f"outputs.{name[:60]}", message)])


def read_infer(body: bytes, header_length: str) -> InferRequest:
    """Args: header_length: the header Inference-Header-Content-Length, empty if there is none.

    Raises: SpecError; MalformedBodyError for what is no strict JSON.
    """
    size = len(body) if not header_length else _header_size(header_length, len(body))
    data = read_document(body[:size] if size < len(body) else body)
    if type(data) is not dict:
        message = f"found {describe(data)}; expected an object with inputs"
        raise SpecError([Problem("(document)", message)])
    _refuse_unknown(data, REQUEST_FIELDS, "")
    parameters = _read_parameters(data.get("parameters"), "parameters")
    request_id = data.get("id")
    if request_id is not None and not (
        isinstance(request_id, str) and len(request_id) <= LONGEST_ID
    ):
        message = f"found {describe(request_id)}; expected text of up to {LONGEST_ID} characters"
        raise SpecError([Problem("id", message)])
    binary = parameters.get("binary_data_output", False)
    if not isinstance(binary, bool):
        message = f"found {describe(binary)}; expected true or false"
        raise SpecError([Problem("parameters.binary_data_output", message)])
    return InferRequest(
        id=request_id,
        inputs=_read_inputs(data.get("inputs"), memoryview(body)[size:]),
        outputs=_read_outputs(data.get("outputs"), binary),
        binary=binary,
        wish=read_wish(parameters.get("session"), parameters.get("session_reset")),
        parameters=parameters,
    )


def _header_size(text: str, length: int) -> int:
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1
    if 0 < size <= length:
        return size
    message = f"found {text[:40]!r}; expected the bytes of JSON, from 1 to the body's {length}"
    raise SpecError([Problem("Inference-Header-Content-Length", message)])


def _read_inputs(value: Any, rest: memoryview) -> dict[str, np.ndarray]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_INPUTS:
        message = f"found {describe(value)}; expected a list of 1 to {MOST_INPUTS} tensors"
        raise SpecError([Problem("inputs", message)])
    arrays: dict[str, np.ndarray] = {}
    start = 0
    for index, item in enumerate(value):
        path = f"inputs[{index}]"
        name = _read_name(item, INPUT_FIELDS, path)
        if name in arrays:
            raise SpecError([Problem(f"{path}.name", f"{name[:60]} stands twice")])
        dtype = read_datatype(item.get("datatype"), f"{path}.datatype")
        shape = read_shape(item.get("shape"), f"{path}.shape")
        parameters = _read_parameters(item.get("parameters"), f"{path}.parameters")
        size = parameters.get("binary_data_size")
        if size is None:
            arrays[name] = from_json(item.get("data"), dtype, shape, f"{path}.data")
            continue
        _check_size(size, item, len(rest) - start, path)
        arrays[name] = from_bytes(rest[start : start + size], dtype, shape, path)
        start += size
    if start != len(rest):
        message = f"found {len(rest)} bytes after the JSON; the inputs say {start}"
        raise SpecError([Problem("inputs", message)])
    return arrays


def _check_size(size: Any, item: Mapping[str, Any], left: int, path: str) -> None:
    where = f"{path}.parameters.binary_data_size"
    if "data" in item:
        raise SpecError([Problem(where, "stands beside data; send one of them")])
    if type(size) is not int or not 0 <= size <= left:
        message = f"found {describe(size)}; {left} bytes are left after the JSON"
        raise SpecError([Problem(where, message)])


def _read_outputs(value: Any, binary: bool) -> dict[str, bool] | None:
    if value is None or value == []:
        return None
    if not isinstance(value, list) or len(value) > MOST_INPUTS:
        message = f"found {describe(value)}; expected a list of up to {MOST_INPUTS} outputs"
        raise SpecError([Problem("outputs", message)])
    wanted: dict[str, bool] = {}
    for index, item in enumerate(value):
        path = f"outputs[{index}]"
        name = _read_name(item, OUTPUT_FIELDS, path)
        if name in wanted:
            raise SpecError([Problem(f"{path}.name", f"{name[:60]} stands twice")])
        own = _read_parameters(item.get("parameters"), f"{path}.parameters").get("binary_data")
        if own is not None and not isinstance(own, bool):
            message = f"found {describe(own)}; expected true or false"
            raise SpecError([Problem(f"{path}.parameters.binary_data", message)])
        wanted[name] = binary if own is None else own
    return wanted


def _read_name(item: Any, fields: tuple[str, ...], path: str) -> str:
    if type(item) is not dict:
        raise SpecError([Problem(path, f"found {describe(item)}; expected an object")])
    _refuse_unknown(item, fields, f"{path}.")
    name = item.get("name")
    if not isinstance(name, str) or not name:
        raise SpecError([Problem(f"{path}.name", f"found {describe(name)}; expected a name")])
    return name


def _read_parameters(value: Any, path: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    plain = (str, int, float, bool)
    if type(value) is not dict or not all(isinstance(one, plain) for one in value.values()):
        message = f"found {describe(value)}; expected an object of texts, numbers, true and false"
        raise SpecError([Problem(path, message)])
    for name in value:
        if name in NOT_HERE:
            raise SpecError([Problem(f"{path}.{name}", f"this server knows no {NOT_HERE[name]}")])
    return value


def _refuse_unknown(data: Mapping[str, Any], fields: tuple[str, ...], prefix: str) -> None:
    for name in data:
        if name not in fields:
            message = f"unknown field; expected {', '.join(fields)}{hint(name, fields)}"
            raise SpecError([Problem(f"{prefix}{name[:60]}", message)])
