"""What a request for a run names on this platform, as the files that its spec names by content.

`dataset` is the name of a dataset, `examples` are examples themselves, `base_version` is a version
whose weights the run begins with, as `model:1.2.0` or `model:latest`. A spec names sha256s alone,
so nobody may name those in a request: they would open files that the asker may not see.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hamlet.errors import CheckpointError, Problem, SpecError
from hamlet.runspec import RunSpec
from hamlet.schema import describe
from registry.accounts.models import User
from registry.artifacts.store import open_artifact, store_file
from registry.errors import VersionNotFoundError
from registry.models import ModelVersion
from registry.queries import find_version
from training.datasets.errors import DatasetNotReadyError
from training.datasets.queries import files_of, not_ready, visible_datasets
from training.errors import OtherBrainError

DATASET, EXAMPLES, BASE_VERSION = "dataset", "examples", "base_version"
OF_THE_SPEC = {"base": BASE_VERSION}  # names that a request may not use, and what to use
MEDIA_TYPE = "application/octet-stream"


def with_files(
    user: User, request: Mapping[str, Any]
) -> tuple[dict[str, Any], ModelVersion | None]:
    """The request with files in place of what it names, and the version it begins from.

    Raises: SpecError naming every fault; DatasetNotReadyError.
    """
    fields = lifted(request)
    problems = [
        Problem(name, f"unknown field; name a version in {instead}")
        for name, instead in OF_THE_SPEC.items()
        if name in fields
    ]
    dataset, examples = fields.pop(DATASET, None), fields.pop(EXAMPLES, None)
    version = fields.pop(BASE_VERSION, None)
    if dataset is not None and examples is not None:
        problems.append(Problem(EXAMPLES, "stands beside dataset; send one of them"))
    if problems:
        raise SpecError(problems)
    if dataset is not None:
        fields[DATASET] = found_dataset(user, dataset)
    if examples is not None:
        fields[DATASET] = stored_examples(examples)
    if version is None:
        return fields, None
    base = found_version(user, version)
    begin_from(base, fields)
    return fields, base


def lifted(request: Mapping[str, Any]) -> dict[str, Any]:
    """`config.advanced_config.base_version` is the same as `base_version` beside `config`."""
    fields = dict(request)
    config = fields.get("config")
    for outer in ("advanced_config", "advancedConfig"):
        advanced = config.get(outer) if isinstance(config, Mapping) else None
        for inner in (BASE_VERSION, "baseVersion"):
            if isinstance(advanced, Mapping) and inner in advanced:
                rest = {name: value for name, value in advanced.items() if name != inner}
                fields.setdefault(BASE_VERSION, advanced[inner])
                fields["config"] = {**config, outer: rest}
                return fields
    return fields


def found_dataset(user: User, name: Any) -> dict[str, Any]:
    """Raises: SpecError if there is none that the user may see; DatasetNotReadyError."""
    dataset = None
    if isinstance(name, str) and "\x00" not in name:
        dataset = visible_datasets(user).filter(name=name).first()
    if dataset is None:
        message = f"found {describe(name)}; expected the name of a dataset that you may see"
        raise SpecError([Problem(DATASET, message)])
    if not dataset.ready:
        raise DatasetNotReadyError(not_ready(dataset))
    manifest, *shards = files_of(dataset)
    return {"manifest": manifest, "shards": shards}


def stored_examples(examples: Any) -> dict[str, Any]:
    """Keep examples that came with the request, as a dataset without a name.

    Raises: SpecError naming the index of each wrong example.
    """
    from hamlet.datasets.building import build_dataset
    from hamlet.datasets.given_examples import read_examples
    from hamlet.datasets.manifest import FILE_NAME

    rows = read_examples(examples, path=EXAMPLES)
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "dataset"
        # Not merged: a game that shares its opening with another would not be whole any more.
        manifest = build_dataset(folder, options={"deduplicate": False}, examples=[rows])
        files = [FILE_NAME, *(shard.file_name for shard in manifest.shards)]
        digests = [store_file(folder / name, MEDIA_TYPE).sha256 for name in files]
        return {"manifest": digests[0], "shards": digests[1:]}


def found_version(user: User, named: Any) -> ModelVersion:
    """Raises: SpecError if the user sees no such version, or it has no weights to go on from."""
    model, colon, asked = named.rpartition(":") if isinstance(named, str) else ("", "", "")
    if not colon or "\x00" in named:
        message = f"found {describe(named)}; expected a version such as walker:1.2.0"
        raise SpecError([Problem(BASE_VERSION, message)])
    try:
        version = find_version(user, model, asked)
    except VersionNotFoundError as error:
        raise SpecError([Problem(BASE_VERSION, str(error))]) from None
    if version.format != ModelVersion.Format.HAMLET:
        message = f"{version} is an ONNX file, which can be asked but not trained on"
        raise SpecError([Problem(BASE_VERSION, message)])
    return version


def begin_from(version: ModelVersion, fields: dict[str, Any]) -> None:
    """Let the run begin with the version's weights, and by default with its brain and model."""
    brain = brain_of(version)
    fields["base"] = {"checkpoint": version.artifact_id}
    config = fields.get("config")
    if "brain" not in fields and not says_architecture(config):
        fields["brain"] = brain
    if "level" not in fields and isinstance(config, Mapping | None):
        kind = brain["architecture"]["type"]
        if not {"model_type", "modelType"} & set(config or {}):
            fields["config"] = {**(config or {}), "model_type": kind}


def says_architecture(config: Any) -> bool:
    """Whether the request says sizes of its own; the trainer then compares them with the base."""
    names = {"num_res_blocks", "numResBlocks", "num_blocks", "numBlocks", "channels", "layers"}
    advanced = (config or {}).get("advanced_config") or (config or {}).get("advancedConfig")
    return isinstance(advanced, Mapping) and bool(names & set(advanced))


def brain_of(version: ModelVersion) -> dict[str, Any]:
    """Raises: SpecError if its file holds none."""
    from hamlet.checkpoint import read_checkpoint  # brings torch

    try:
        return read_checkpoint(open_artifact(version.artifact)).header["brain_spec"]
    except (CheckpointError, KeyError) as error:
        message = f"{version} says no brain to go on with ({error})"
        raise SpecError([Problem(BASE_VERSION, message)]) from None


def check_base(spec: RunSpec, base: ModelVersion | None) -> None:
    """Raises: OtherBrainError if the version's weights do not fit the network of the run."""
    if base is None:
        return
    from hamlet.brains import BrainSpec  # brings torch

    found = BrainSpec.from_data(brain_of(base)).hash
    wanted = BrainSpec.from_data(spec.content["brain"]).hash
    if wanted != found:
        raise OtherBrainError(
            f"{base} has the brain {found[:19]}…, this run trains {wanted[:19]}…. Leave the "
            "architecture out, or begin from a version of the same shape."
        )
