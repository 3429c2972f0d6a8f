"""An ONNX file that a stranger sent, judged before anything runs it.

The file is parsed (protobuf: no code) and walked: what is in it must be what small networks need,
and nothing may lead out of it. Only then may an engine see it, which still happens in a process
with limits the first time, since an engine is a large program written in C++.
Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hamlet.onnx_operators import (
    CONTROL_FLOW,
    DOMAINS,
    NEWEST_IR,
    NEWEST_OPSET,
    OLDEST_IR,
    OLDEST_OPSET,
    OPERATORS,
)
from hamlet.onnx_tensors import OnnxFileError, check_tensor
from hamlet.wording import describe, hint

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto

__all__ = ["OnnxFileError", "read_onnx"]

MOST_FILE_BYTES = 512 * 2**20
MOST_NODES = 10_000
MOST_TENSORS = 10_000
MOST_EDGES = 64  # inputs, outputs, of the graph and of a node
MOST_ATTRIBUTE_NUMBERS = 65_536
MOST_METADATA_BYTES = 2**20
# AttributeProto.AttributeType: FLOAT, INT, STRING, TENSOR, FLOATS, INTS, STRINGS.
PLAIN_ATTRIBUTES = {1, 2, 3, 4, 6, 7, 8}


def read_onnx(content: bytes, name: str = "model.onnx") -> ModelProto:
    """Parse and check a file. Nothing is run, nothing outside of `content` is looked at.

    Returns: the parsed file, which holds allowed operators and complete, finite tensors alone.
    Raises: OnnxFileError with what was found and what is expected.
    """
    onnx = onnx_package()
    from google.protobuf.message import DecodeError

    if not content:
        raise OnnxFileError(f"{name}: the file is empty")
    if len(content) > MOST_FILE_BYTES:
        raise OnnxFileError(
            f"{name}: found {len(content)} bytes; expected at most {MOST_FILE_BYTES}"
        )
    try:
        model = onnx.ModelProto.FromString(bytes(content))
    except DecodeError:
        raise OnnxFileError(f"{name}: damaged or no ONNX file: it cannot be parsed") from None
    _check_model(model, name)
    _check_graph(model.graph, name)
    return model


def onnx_package() -> Any:
    try:
        import onnx
    except ImportError:
        raise OnnxFileError("ONNX files need a package: pip install onnx onnxruntime") from None
    return onnx


def opset_of(model: ModelProto) -> int:
    """Version of the default operators, 0 if the file does not say."""
    return max((each.version for each in model.opset_import if each.domain in DOMAINS), default=0)


def _check_model(model: ModelProto, name: str) -> None:
    if not model.graph.node or not model.opset_import:
        raise OnnxFileError(f"{name}: no ONNX file: it has no graph of operators and no opset")
    if not OLDEST_IR <= model.ir_version <= NEWEST_IR:
        raise OnnxFileError(
            f"{name}: found IR version {model.ir_version}; expected {OLDEST_IR} to {NEWEST_IR}"
        )
    if not OLDEST_OPSET <= opset_of(model) <= NEWEST_OPSET:
        raise OnnxFileError(
            f"{name}: found opset {opset_of(model)}; expected {OLDEST_OPSET} to {NEWEST_OPSET}. "
            "Export it again with opset_version=18"
        )
    for field, what in (("functions", "functions of its own"), ("training_info", "training")):
        if len(getattr(model, field)):
            raise OnnxFileError(
                f"{name}: found {what}; expected operators of the ONNX standard alone. Export it "
                "inlined (onnx.inliner.inline_local_functions) and for inference"
            )
    size = sum(len(entry.key) + len(entry.value) for entry in model.metadata_props)
    if size > MOST_METADATA_BYTES:
        raise OnnxFileError(
            f"{name}: found {size} characters of metadata; expected at most {MOST_METADATA_BYTES}"
        )


def _check_graph(graph: GraphProto, name: str) -> None:
    for field, most in (
        ("node", MOST_NODES),
        ("initializer", MOST_TENSORS),
        ("value_info", MOST_NODES + MOST_TENSORS),
        ("input", MOST_TENSORS),
        ("output", MOST_EDGES),
    ):
        found = len(getattr(graph, field))
        if found > most:
            raise OnnxFileError(f"{name}: found {found} {field} entries; expected at most {most}")
    if len(graph.sparse_initializer) or len(graph.quantization_annotation):
        raise OnnxFileError(f"{name}: found sparse or annotated tensors; expected dense ones")
    seen: set[str] = set()
    for tensor in graph.initializer:
        where = f"{name}: tensor {describe(tensor.name)}"
        if tensor.name in seen or not tensor.name:
            raise OnnxFileError(f"{where}: stands twice or has no name")
        seen.add(tensor.name)
        check_tensor(tensor, where)
    for index, node in enumerate(graph.node):
        _check_node(node, f"{name}: node {index} ({describe(node.op_type)})")


def _check_node(node: NodeProto, where: str) -> None:
    if node.domain not in DOMAINS:
        raise OnnxFileError(
            f"{where}: an operator of the domain {describe(node.domain)}; expected operators of "
            "the ONNX standard (the default domain) alone"
        )
    if node.op_type not in OPERATORS:
        why = "control flow is not run" if node.op_type in CONTROL_FLOW else "not one that is run"
        raise OnnxFileError(
            f"{where}: {why}; expected one of {len(OPERATORS)} operators of plain tensor "
            f"arithmetic{hint(node.op_type, OPERATORS)}"
        )
    if max(len(node.input), len(node.output), len(node.attribute)) > MOST_EDGES:
        raise OnnxFileError(f"{where}: more than {MOST_EDGES} inputs, outputs or attributes")
    for attribute in node.attribute:
        _check_attribute(attribute, f"{where}: attribute {describe(attribute.name)}")


def _check_attribute(attribute: AttributeProto, where: str) -> None:
    holds_more = (
        attribute.HasField("g")
        or attribute.HasField("sparse_tensor")
        or attribute.HasField("tp")
        or any(
            len(getattr(attribute, field))
            for field in ("graphs", "tensors", "sparse_tensors", "type_protos", "ref_attr_name")
        )
    )
    if holds_more or attribute.type not in PLAIN_ATTRIBUTES:
        raise OnnxFileError(
            f"{where}: holds a graph or another thing that is run; expected numbers, text or one "
            "dense tensor"
        )
    if attribute.HasField("t"):
        check_tensor(attribute.t, where)
    numbers = max(len(attribute.ints), len(attribute.floats), len(attribute.strings))
    if numbers > MOST_ATTRIBUTE_NUMBERS or len(attribute.s) > MOST_ATTRIBUTE_NUMBERS:
        raise OnnxFileError(f"{where}: found {max(numbers, len(attribute.s))} entries; too many")
