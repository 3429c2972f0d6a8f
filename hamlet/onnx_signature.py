"""What an ONNX file takes and gives: from its own words if hamlet exported it, else from its graph.

In both cases the graph decides: words that do not fit it are refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from hamlet.errors import SpecError
from hamlet.json_documents import read_json
from hamlet.layout import MAX_OBSERVATION
from hamlet.onnx_tensors import KINDS, OnnxFileError, cut
from hamlet.request_memory import ANSWER_BYTES, FLOAT_BYTES, MOST_REQUEST_BYTES
from hamlet.schema import content_hash
from hamlet.signature import BATCH, MOST_ROWS, Signature, TensorSpec, spell
from hamlet.tensor_inputs import DTYPES
from hamlet.wording import describe

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

# Keys of the file's metadata_props.
FORMAT_KEY, FORMAT = "hamlet.format", "onnx_v1"
SIGNATURE_KEY = "hamlet.signature"
METADATA_KEY = "hamlet.metadata"
BRAIN_KEY = "hamlet.brain_spec"
# A value whose shape nobody can tell beforehand counts as this many numbers for each row.
UNKNOWN_NUMBERS = 65_536


class Words(NamedTuple):
    """What the file says of itself. `brain_spec` and `metadata` are plain data; `exported` is
    true for a file of hamlet's own."""

    signature: Signature
    metadata: dict[str, Any]
    brain_spec: dict[str, Any] | None
    exported: bool


def read_words(model: ModelProto, name: str) -> Words:
    """Args: model: as `read_onnx` returned it.

    Raises: OnnxFileError if inputs or outputs are of another kind than a server takes, or if the
        file claims to be of hamlet and its words do not fit its graph.
    """
    inputs, outputs = graph_tensors(model, name)
    bound = most_rows(model, outputs, name)
    texts = {entry.key: entry.value for entry in model.metadata_props}
    if FORMAT_KEY not in texts:
        signature = Signature(inputs, outputs, most_rows=bound)
        return Words(_read_back(signature, name), {}, None, exported=False)
    if texts[FORMAT_KEY] != FORMAT:
        raise OnnxFileError(
            f"{name}: found {FORMAT_KEY} {describe(texts[FORMAT_KEY])}; this hamlet reads {FORMAT}"
        )
    try:
        signature = Signature.from_json(texts.get(SIGNATURE_KEY, ""))
    except SpecError as error:
        raise OnnxFileError(f"{name}: its {SIGNATURE_KEY}: {error}") from None
    _compare(signature.inputs, inputs, name)
    renamed = zip(signature.outputs, output_names(signature), strict=True)
    _compare(tuple(replace(spec, name=new) for spec, new in renamed), outputs, name)
    if signature.layout and signature.hashes.get("layout") != signature.layout.hash:
        raise OnnxFileError(f"{name}: the hash of its layout is another than its signature says")
    brain_spec = _plain(texts, BRAIN_KEY, name)
    if brain_spec is not None and content_hash(brain_spec) != signature.hashes.get("brain_spec"):
        raise OnnxFileError(f"{name}: its brain spec has another hash than its signature says")
    signature = replace(signature, most_rows=min(signature.most_rows, bound))
    metadata = _plain(texts, METADATA_KEY, name) or {}
    return Words(signature, metadata, brain_spec, exported=True)


def output_names(signature: Signature) -> list[str]:
    """Names of the outputs inside of the file, in order. A graph has one name for one value, so
    what goes in as `hidden_h` comes out as `next_hidden_h`."""
    return [
        f"next_{spec.name}" if signature.input(spec.name) else spec.name
        for spec in signature.outputs
    ]


def graph_tensors(
    model: ModelProto, name: str
) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Inputs and outputs as the graph declares them. Raises: OnnxFileError."""
    weights = {tensor.name for tensor in model.graph.initializer}
    # Older exporters list the weights among the inputs.
    asked = [value for value in model.graph.input if value.name not in weights]
    if not asked or not model.graph.output:
        raise OnnxFileError(f"{name}: found no inputs or no outputs; expected one or more of each")
    return (
        tuple(_spec(value, f"{name}: input {describe(value.name)}") for value in asked),
        tuple(
            _spec(value, f"{name}: output {describe(value.name)}") for value in model.graph.output
        ),
    )


def _spec(value: ValueInfoProto, where: str) -> TensorSpec:
    tensor = value.type.tensor_type
    kind = KINDS.get(tensor.elem_type)
    if not value.type.HasField("tensor_type") or kind is None or kind.name not in DTYPES:
        found = kind.name if kind else "something else"
        raise OnnxFileError(f"{where}: found {found}; expected a tensor of {', '.join(DTYPES)}")
    if not tensor.HasField("shape") or not tensor.shape.dim:
        raise OnnxFileError(
            f"{where}: no shape; expected one with a dynamic batch axis, as in [batch, 8]"
        )
    shape = tuple(
        dim.dim_value if dim.WhichOneof("value") == "dim_value" else BATCH
        for dim in tensor.shape.dim
    )
    fixed = [size for size in shape if size != BATCH]
    if shape.count(BATCH) != 1 or len(shape) > 8 or not all(size > 0 for size in fixed):
        raise OnnxFileError(
            f"{where}: found shape {spell(shape)}; expected exactly one dynamic axis, for the "
            "batch, and fixed sizes from 1. Export it with a dynamic batch axis"
        )
    if math.prod(fixed) > MAX_OBSERVATION:
        raise OnnxFileError(
            f"{where}: found {math.prod(fixed)} numbers per row; expected at most {MAX_OBSERVATION}"
        )
    return TensorSpec(value.name, kind.name, shape)


def _read_back(signature: Signature, name: str) -> Signature:
    """Names come from a stranger: they must be such as a signature may hold."""
    try:
        read = Signature.from_data(signature.to_data())
    except SpecError as error:
        raise OnnxFileError(f"{name}: {error}") from None
    names = [spec.name for spec in (*read.inputs, *read.outputs)]
    if twice := next((each for each in names if names.count(each) > 1), None):
        raise OnnxFileError(f"{name}: {twice} stands twice among the inputs and outputs")
    return read


def _compare(claimed: tuple[TensorSpec, ...], real: tuple[TensorSpec, ...], name: str) -> None:
    said = [(spec.name, spec.dtype, spec.shape) for spec in claimed]
    found = [(spec.name, spec.dtype, spec.shape) for spec in real]
    if said != found:
        raise OnnxFileError(
            f"{name}: its {SIGNATURE_KEY} says {_spelt(claimed)}; its graph has {_spelt(real)}"
        )


def _spelt(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(f"{spec.name} {spec.dtype} {spell(spec.shape)}" for spec in specs[:8])


def _plain(texts: dict[str, str], key: str, name: str) -> dict[str, Any] | None:
    if key not in texts:
        return None
    try:
        data = read_json(texts[key])
        json.dumps(data, allow_nan=False)  # 1e999 is read as infinite
    except ValueError as error:
        raise OnnxFileError(f"{name}: its {key} is no valid JSON ({error})") from None
    if not isinstance(data, dict):
        raise OnnxFileError(f"{name}: its {key} is {describe(data)}; expected a mapping")
    return data


def most_rows(model: ModelProto, outputs: Iterable[TensorSpec], name: str) -> int:
    """Largest batch whose numbers stay within the memory of one request, at least 1.

    Every value of the graph counts, as if none made room for another. One with several unknown
    axes counts as growing with the batch along each of them.
    Raises: OnnxFileError if the shapes contradict each other.
    """
    from onnx import shape_inference

    try:
        graph = shape_inference.infer_shapes(model, data_prop=True).graph
    except (shape_inference.InferenceError, ValueError, RuntimeError) as error:
        raise OnnxFileError(f"{name}: its shapes do not fit together ({cut(error)})") from None
    known = {info.name: _growth(info) for info in [*graph.value_info, *graph.output]}
    made = {name for node in graph.node for name in node.output if name}
    # What no axis makes grow is a part of the weights.
    growths = [growth for name in made if (growth := known.get(name, (UNKNOWN_NUMBERS, 1)))[1]]
    answered = sum(abs(math.prod(spec.shape)) for spec in outputs) * ANSWER_BYTES
    low, high = 1, MOST_ROWS
    while low < high:
        rows = (low + high + 1) // 2
        needed = rows * answered
        needed += sum(FLOAT_BYTES * numbers * rows**axes for numbers, axes in growths)
        low, high = (rows, high) if needed <= MOST_REQUEST_BYTES else (low, rows - 1)
    return low


def _growth(info: ValueInfoProto) -> tuple[int, int]:
    """(numbers with a batch of one, how many axes grow with it)"""
    if not info.type.tensor_type.HasField("shape"):
        return UNKNOWN_NUMBERS, 1
    dims = info.type.tensor_type.shape.dim
    fixed = [dim.dim_value for dim in dims if dim.dim_value > 0]
    return math.prod(fixed), len(dims) - len(fixed)
