"""From a model to the bytes of an ONNX file."""

from __future__ import annotations

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

import hamlet
from hamlet.export import ExportError, example_inputs, positional
from hamlet.onnx_signature import (
    BRAIN_KEY,
    FORMAT,
    FORMAT_KEY,
    METADATA_KEY,
    SIGNATURE_KEY,
    output_names,
)
from hamlet.schema import canonical_json

if TYPE_CHECKING:
    from onnx import ModelProto

    from hamlet.model import HamletModel

OPSET = 18
WEIGHTS_IN = "network."  # as `Positional` names its network
PACKAGES = "ONNX export needs packages: pip install onnx onnxruntime onnxscript"


def onnx_bytes(model: HamletModel) -> bytes:
    """Raises: ExportError if a package is missing or the network cannot be exported."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ExportError(f"{PACKAGES} ({error.name} is missing)") from None
    signature = model.signature()
    batch = torch.export.Dim("batch", min=1, max=2**20)
    try:
        with _quiet():
            program = torch.onnx.export(
                positional(model),
                example_inputs(signature),
                dynamo=True,
                opset_version=OPSET,
                input_names=[spec.name for spec in signature.inputs],
                output_names=output_names(signature),
                dynamic_shapes=(tuple({spec.batch_axis: batch} for spec in signature.inputs),),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0]
        raise ExportError(f"a {model.network.spec.type} network: {reason}") from error
    proto = program.model_proto
    _strip(proto)
    _rename(proto)
    for key, value in _words(model).items():
        proto.metadata_props.add(key=key, value=value)
    return proto.SerializeToString(deterministic=True)


def _words(model: HamletModel) -> dict[str, str]:
    """What the file says of itself. Its metadata survives only where JSON can hold it."""
    return {
        FORMAT_KEY: FORMAT,
        SIGNATURE_KEY: json.dumps(model.signature().to_data(), separators=(",", ":")),
        METADATA_KEY: json.dumps(model.metadata, separators=(",", ":"), allow_nan=False),
        BRAIN_KEY: canonical_json(model.network.spec.data),
    }


def _strip(proto: ModelProto) -> None:
    """Leave out what tells of the machine that exported: stack traces, paths, module names."""
    proto.producer_name, proto.producer_version = "hamlet", hamlet.__version__
    proto.doc_string = ""
    proto.graph.name, proto.graph.doc_string = "hamlet", ""
    holders: list[Any] = [proto, proto.graph, *proto.graph.node, *proto.graph.initializer]
    holders += [*proto.graph.input, *proto.graph.output, *proto.graph.value_info]
    for holder in holders:
        del holder.metadata_props[:]
        holder.doc_string = ""
    del proto.graph.value_info[:]  # follows from the rest


def _rename(proto: ModelProto) -> None:
    """Give values and nodes names by their order, since the exporter's own differ from one time to
    the next. Inputs and outputs keep theirs, and weights those they have in the network."""
    graph = proto.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    names[""] = ""  # an optional input that is not given
    used = []
    for index, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{index}"
        for name in node.input:
            if name not in names:
                own = name.removeprefix(WEIGHTS_IN)
                names[name] = own if own != name else f"constant_{len(used)}"
                used.append(weights[name])
        for position, name in enumerate(node.output):
            names.setdefault(name, f"value_{index}_{position}")
        for edges in (node.input, node.output):
            edges[:] = [names[name] for name in edges]
    for tensor in used:
        tensor.name = names[tensor.name]
    ordered = [type(tensor).FromString(tensor.SerializeToString()) for tensor in used]
    del graph.initializer[:]
    graph.initializer.extend(ordered)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter talks of packages that nobody needs and of its own future."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
