"""ONNX models whose weights lie in files beside them, which is how MLflow saves them: made whole.

What the graph says of such files is a stranger's word: names lead nowhere but to files that were
fetched for it, and places in them are checked. The graph is first parsed in a process with limits,
which imports this module: nothing of Django stands at its top.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EXTERNAL = 1  # TensorProto.DataLocation
MOST_FILES = 64
MOST_TENSORS = 10_000
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
LOOK = "registry.mlflow_bridge.external_data:list_files"


def files_beside(graph: Path, name: str) -> list[str]:
    """Names of the files that a graph needs, found in a process with limits.

    Raises: FileRejectedError; OverloadedError.
    """
    from registry.versions.inspecting import Limits, run_limited

    with graph.open("rb") as file:
        limits = Limits.of_file(graph.stat().st_size)
        found = run_limited(LOOK, file, {"name": name}, limits, name=name)
    return _file_names(found, name)


def list_files(name: str) -> list[str]:
    """In the process with limits; the graph is its standard input. Raises: RefusedError."""
    import onnx
    from google.protobuf.message import DecodeError

    from registry.versions.process import RefusedError, lock

    with open(0, "rb", closefd=False) as file:
        content = file.read()
    lock()
    try:
        proto = onnx.ModelProto.FromString(content)
    except DecodeError:
        raise RefusedError(f"{name}: damaged or no ONNX file: it cannot be parsed") from None
    if len(proto.graph.initializer) > MOST_TENSORS:
        raise RefusedError(f"{name}: more than {MOST_TENSORS} tensors; no more are taken")
    outside = [each for each in proto.graph.initializer if each.data_location == EXTERNAL]
    return sorted({_facts(tensor).get("location", "") for tensor in outside})[: MOST_FILES + 1]


def _file_names(found: Any, name: str) -> list[str]:
    """The answer comes from where the file was: it is judged like the file. Raises:
    FileRejectedError."""
    from registry.versions.errors import FileRejectedError

    if not isinstance(found, list) or len(found) > MOST_FILES:
        raise FileRejectedError(f"{name}: its weights lie in more than {MOST_FILES} files")
    for each in found:
        if not isinstance(each, str) or not FILE_NAME.fullmatch(each):
            shown = repr(each)[:100]
            raise FileRejectedError(
                f"{name}: its weights lie in {shown}; expected a file beside it. Save it again "
                "with mlflow.onnx.log_model(..., save_as_external_data=False)"
            )
    return found


def make_whole(graph: Path, beside: Mapping[str, Path], into: Path, name: str) -> None:
    """Write the graph with its weights inside. Whether it is any good is found out afterwards.

    Args: beside: fetched files by the names that the graph has for them.
    Raises: FileRejectedError for weights that are not where the graph says.
    """
    import onnx

    proto = onnx.ModelProto.FromString(graph.read_bytes())
    contents = {each: path.read_bytes() for each, path in beside.items()}
    for tensor in proto.graph.initializer:
        if tensor.data_location == EXTERNAL:
            facts = _facts(tensor)
            tensor.raw_data = _cut(contents[facts["location"]], facts, f"{name}: {tensor.name!r}")
            tensor.ClearField("data_location")
            del tensor.external_data[:]
    # In one order, so that the same model gives the same bytes and is known again.
    into.write_bytes(proto.SerializeToString(deterministic=True))


def _cut(content: bytes, facts: Mapping[str, str], what: str) -> bytes:
    from registry.versions.errors import FileRejectedError

    start = _number(facts.get("offset", "0"))
    size = _number(facts.get("length", str(max(len(content) - (start or 0), 0))))
    if start is None or size is None or start + size > len(content):
        raise FileRejectedError(
            f"{what[:200]}: its numbers lie at {facts.get('offset', '0')[:20]} to "
            f"{facts.get('length', '')[:20]} more of a file of {len(content)} bytes"
        )
    return content[start : start + size]


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,12}", text, re.ASCII) else None


def _facts(tensor: Any) -> dict[str, str]:
    return {each.key: each.value for each in tensor.external_data}
