"""Runs that go on from a version of a model, in small steps, with examples that came since."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hamlet.errors import HamletError
from hamlet.systems import SYSTEMS
from registry.artifacts.store import store_file
from registry.errors import VersionNotFoundError
from registry.models import Alias, Artifact, ModelVersion, RegisteredModel, User
from registry.names import PRODUCTION
from registry.queries import NUMBER, may_change_model
from training import run_files
from training.dispatch import QUEUES
from training.incremental.errors import CannotLearnOnError
from training.models import Run
from training.run_requests import RunRequest

if TYPE_CHECKING:
    import numpy as np

    from hamlet.datasets.games import Game

LEARNING_RATE = 1e-4
LONGEST_NAME = 100
ENSEMBLE = "ensemble"
NEEDS_WHOLE_GAMES = ("muzero",)


def base_of(model: RegisteredModel, number: str = "") -> ModelVersion:
    """The version that a run of the model goes on from.

    Args: number: as `1.2.0`; empty for the version that is in service.
    Raises: CannotLearnOnError if there is none, or it cannot be trained on.
    """
    try:
        version = numbered(model, number) if number else in_service(model)
    except VersionNotFoundError as error:
        raise CannotLearnOnError(str(error)) from None
    if version.format != ModelVersion.Format.HAMLET:
        raise CannotLearnOnError(
            f"{version} is an ONNX file, which can be asked but not trained on. Name a version "
            "that was trained here as base_version."
        )
    return version


def in_service(model: RegisteredModel) -> ModelVersion:
    """Raises: VersionNotFoundError."""
    alias = Alias.objects.filter(model=model, name=PRODUCTION)
    found = alias.select_related("version__model", "version__artifact").first()
    if found is None:
        raise VersionNotFoundError(
            f"No version of {model.name} is in service. Put one into service (POST /api/v1/deploy/"
            f"{model.name}:1.0.0), or name one as base_version."
        )
    return found.version


def numbered(model: RegisteredModel, number: str) -> ModelVersion:
    """Raises: VersionNotFoundError."""
    major, minor, patch = map(int, NUMBER.fullmatch(number).groups())
    versions = model.versions.select_related("model", "artifact")
    found = versions.filter(major=major, minor=minor, patch=patch).first()
    if found is None:
        raise VersionNotFoundError(f"{model.name} {number} was deleted.")
    return found


def brain_of(version: ModelVersion) -> dict[str, Any]:
    """Raises: CannotLearnOnError if its file holds none."""
    try:
        return _brain_in(version.artifact_id)
    except HamletError as error:
        raise CannotLearnOnError(f"{version} says no brain to go on with: {error}") from None


@lru_cache(maxsize=64)
def _brain_in(digest: str) -> dict[str, Any]:
    """A stored file never changes, so it is read once."""
    return run_files.brain_of(ModelVersion(artifact=Artifact.objects.get(pk=digest)))


def types_of(version: ModelVersion) -> list[str]:
    """What kinds of networks learn: one, or those of an ensemble's members."""
    architecture = brain_of(version)["architecture"]
    if architecture["type"] != ENSEMBLE:
        return [architecture["type"]]
    return [member["architecture"]["type"] for member in architecture[ENSEMBLE]["members"]]


def needs_whole_games(version: ModelVersion) -> bool:
    """Whether it cannot learn from positions that were torn out of their games."""
    return not set(NEEDS_WHOLE_GAMES).isdisjoint(types_of(version))


def store_dataset(
    base: ModelVersion,
    games: Iterable[Game] = (),
    examples: Iterable[tuple[np.ndarray, list[str]]] = (),
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build a dataset without a name, and keep its files: what a run takes as its `dataset`.

    Raises: DatasetError, SpecError; OSError where there is no room for it.
    """
    from hamlet.datasets.building import build_dataset  # brings torch
    from hamlet.datasets.manifest import FILE_NAME

    chosen = {**(options or {}), "deduplicate": not needs_whole_games(base)}
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "dataset"
        manifest = build_dataset(folder, games, chosen, examples=examples)
        files = [FILE_NAME, *(shard.file_name for shard in manifest.shards)]
        digests = [store_file(folder / name, run_files.MEDIA_TYPE).sha256 for name in files]
    return {"manifest": digests[0], "shards": digests[1:]}


def wanted_run(
    model: RegisteredModel, base: ModelVersion, dataset: Mapping[str, Any], epochs: int, name: str
) -> RunRequest:
    """A run that goes on from the base with these examples, found good and not stored yet.

    Raises: SpecError naming every fault; OtherBrainError.
    """
    architecture = brain_of(base)["architecture"]
    config: dict[str, Any] = {
        "model_type": architecture["type"],
        "epochs": epochs,
        "learning_rate": LEARNING_RATE,
    }
    if architecture["type"] == ENSEMBLE:
        members = [{"model_type": kind, "learning_rate": LEARNING_RATE} for kind in types_of(base)]
        config["advanced_config"] = {"members": members}
    system = SYSTEMS[model.system]
    fields: dict[str, Any] = {"config": config, "dataset": dict(dataset)}
    run_files.begin_from(base, fields)
    spec = system.build_runspec(fields)
    run_files.check_base(spec, base)
    return RunRequest(
        system=system,
        spec=spec,
        level=spec.content["level"],
        name=name[:LONGEST_NAME],
        model_name=model.name,
        classroom=model.classroom,
        brain=None,
        queue=queue_of(base),
    )


def queue_of(base: ModelVersion) -> str:
    """Where the run that made the base was trained, else on a processor."""
    queue = Run.objects.filter(version=base).values_list("queue", flat=True).first()
    return queue or QUEUES["cpu"]


def owner_of(model: RegisteredModel) -> User | None:
    """Who owns the runs of a model that no person starts: its owner, as long as they may."""
    owner = model.owner
    return owner if owner is not None and may_change_model(owner, model) else None
