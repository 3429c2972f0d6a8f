"""`hamlet.json`: what this registry knows of a version, beside its files in MLflow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hamlet.schema import Choice, MapOf, Number, Section, Text, validate
from hamlet.systems import SYSTEMS
from registry.bodies import MalformedBodyError, read_json
from registry.bundles.describing import Kept, describe_version
from registry.bundles.manifest import TAGS, VERSION, AnyText, Name
from registry.mlflow_bridge.errors import UntakenError
from registry.models import ModelVersion
from registry.names import check_name
from registry.tags import LONGEST_DESCRIPTION

FORMAT = "hamlet-mlflow-1"
FOLDER = "hamlet"
RECORD = f"{FOLDER}/hamlet.json"
CHECKPOINT = f"{FOLDER}/checkpoint.safetensors"
GRAPH = "model.onnx"
# The file that was registered, whose sha256 is the version's.
ORIGINALS = {
    ModelVersion.Format.HAMLET.value: CHECKPOINT,
    ModelVersion.Format.ONNX.value: GRAPH,
}
MOST_RECORD_BYTES = 4 * 2**20
MODEL = Section(
    {
        "name": Name(check_name),
        "system": Choice(*SYSTEMS),
        "description": AnyText(LONGEST_DESCRIPTION),
        "tags": TAGS,
    }
)
METRICS = MapOf(Text(longest=250), Number(-1e300, 1e300), longest=10_000)
SCHEMA = Section({"format": Choice(FORMAT), "model": MODEL, "version": VERSION})
# What MLflow takes: https://mlflow.org/docs/latest/api_reference/rest-api.html#log-batch
LONGEST_KEY, LONGEST_PARAMETER = 250, 6000
KEY_MARKS = frozenset("/_-. :")


def describe(version: ModelVersion) -> dict[str, Any]:
    """Plain data; `version` is what a bundle says of it."""
    model = version.model
    return {
        "format": FORMAT,
        "model": {
            "name": model.name,
            "system": model.system,
            "description": model.description,
            "tags": model.tags,
        },
        "version": describe_version(version, Kept(model), {}),
    }


def write(data: Mapping[str, Any]) -> bytes:
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1)
    return text.encode() + b"\n"


def read(content: bytes, what: str) -> dict[str, Any]:
    """Args: what: that messages name. Returns: as `describe`, numbers and times as a bundle's.

    Raises: UntakenError; SpecError naming every fault.
    """
    try:
        data = read_json(content)
    except MalformedBodyError as error:
        raise UntakenError(f"{what}: {RECORD} is not what hamlet wrote: {error.detail}") from None
    cleaned = validate(SCHEMA, data, RECORD)
    validate(METRICS, cleaned["version"]["metrics"], f"{RECORD}.version.metrics")
    return cleaned


def tags_of(version: ModelVersion) -> dict[str, str]:
    """Of the model version and its run over there: people's own, and what finds it again."""
    hashes = {"brain_spec": version.brain_spec_hash, "layout": version.layout_hash}
    run = {"hamlet.run_id": str(version.run_id)} if version.run_id else {}
    return {
        **version.card.tags,
        "hamlet.model": version.model.name,
        "hamlet.version": version.number,
        "hamlet.artifact_sha256": version.artifact_id,
        "hamlet.status": version.card.status,
        **{f"hamlet.{name}_hash": value for name, value in hashes.items() if value},
        **run,
    }


def parameters_of(version: ModelVersion) -> tuple[dict[str, str], list[str]]:
    """One text for each parameter, named by its path, as MLflow shows them.

    Returns: (parameters, names of those that MLflow does not take; `hamlet.json` has them all).
    """
    taken, left = {}, []
    for name, value in _leaves(version.parameters):
        text = value if isinstance(value, str) else json.dumps(value)
        if _is_key(name) and len(text) <= LONGEST_PARAMETER:
            taken[name] = text
        else:
            left.append(name)
    return taken, left


def metrics_of(version: ModelVersion) -> tuple[dict[str, float], list[str]]:
    """As `parameters_of`."""
    taken = {
        name: float(value)
        for name, value in version.metrics.items()
        if _is_key(name) and isinstance(value, int | float)
    }
    return taken, [name for name in version.metrics if name not in taken]


def _is_key(name: str) -> bool:
    plain = all(letter.isalnum() or letter in KEY_MARKS for letter in name)
    # MLflow takes a name for a path and wants it in its shortest form.
    parts = name.split("/")
    return plain and len(name) <= LONGEST_KEY and not {"", ".", ".."} & set(parts)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    else:
        yield path, value
