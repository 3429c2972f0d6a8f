"""ONNX files built by hand, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper


def value(name: str, *shape: int | str, dtype: int = TensorProto.FLOAT) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, list(shape))


def graph_model(
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    tensors: Sequence[TensorProto] = (),
    *,
    opset: int = 18,
) -> ModelProto:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def graph_bytes(*parts: object, **options: int) -> bytes:
    return graph_model(*parts, **options).SerializeToString()


def linear() -> ModelProto:
    """A right one: q_values = x times w, 3 numbers to 2 actions."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [3, 2], [0.5, -1, 2, 0, 1, 1])
    nodes = [helper.make_node("MatMul", ["x", "w"], ["q_values"])]
    return graph_model(nodes, [value("x", "batch", 3)], [value("q_values", "batch", 2)], [weights])
