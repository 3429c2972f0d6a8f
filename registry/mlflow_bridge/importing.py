"""Take versions from an MLflow registry: our own exports as they were, other models as ONNX."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction

from hamlet.errors import HamletError, SpecError
from registry.accounts.models import Classroom
from registry.aliases.services import move_alias
from registry.artifacts.errors import ArtifactTooLargeError
from registry.artifacts.store import store_file
from registry.errors import BusyError, OverloadedError, RegistryError
from registry.mlflow_bridge.connection import Connection, speaking
from registry.mlflow_bridge.errors import NotThereError, ServerError, UntakenError
from registry.mlflow_bridge.fetching import Fetched, fetch_version
from registry.mlflow_bridge.origin import Facts, facts_of
from registry.mlflow_bridge.remote import (
    RemoteModel,
    RemoteVersion,
    Wanted,
    find_model,
    find_versions,
)
from registry.models import ModelVersion, RegisteredModel, User
from registry.queries import VERSION_ORDER
from registry.services import change_model, ensure_model
from registry.versions.errors import FileRejectedError
from registry.versions.numbering import PARTS, next_number
from registry.versions.services import brain_hash, check_may_change, register_version
from registry.versions.uploading import MEDIA_TYPES, a_place, inspect

if TYPE_CHECKING:
    from registry.versions.inspecting import Inspection

Say = Callable[[str], None]
# What is wrong with one version and says nothing of the others.
REFUSALS = (UntakenError, NotThereError, FileRejectedError, ArtifactTooLargeError, HamletError)


@dataclass(frozen=True)
class Target:
    """Where versions go: the model's name here, and what a new one gets."""

    name: str
    user: User
    system: str | None = None
    classroom: Classroom | None = None


def import_versions(
    connection: Connection, wanted: Wanted, target: Target, say: Say
) -> list[ModelVersion]:
    """Register what is wanted, with the aliases that name it. What is here already stays.

    Args: say: takes a line for each thing done, and for each version that was not taken and why.
    Returns: the versions, those that were here already too.
    Raises: UntakenError if none of them was taken; ServerError; NotThereError; NameTakenError and
        NotChangeableError for the model; BusyError.
    """
    taken: dict[str, ModelVersion] = {}
    refused: list[str] = []
    with speaking(connection):
        remote = find_model(connection, wanted.name)
        for each in find_versions(connection, wanted):
            try:
                taken[each.number] = import_version(connection, remote, each, target, say)
            except (BusyError, OverloadedError, ServerError):
                raise
            except REFUSALS as error:
                refused.append(str(error))
    if not taken:
        raise UntakenError("\n".join(refused))
    for words in refused:
        say(f"not taken: {words}")
    set_aliases(remote, taken, target, say)
    return list(taken.values())


def import_version(
    connection: Connection, remote: RemoteModel, each: RemoteVersion, target: Target, say: Say
) -> ModelVersion:
    with tempfile.TemporaryDirectory(prefix="hamlet-mlflow-") as folder:
        fetched = fetch_version(connection, each, Path(folder))
        known = find_known(fetched, target)
        if known is not None:
            say(f"{each} is here as {known}")
            return known
        facts = facts_of(connection, remote, each, fetched)
        version = register(fetched, facts, target)
    say(f"{each} -> {version}")
    if facts.number not in (None, version.number):
        say(f"note: it was {facts.number} there; {version.number} is the next that is free here")
    for words in facts.notes:
        say(f"note: {words}")
    return version


def find_known(fetched: Fetched, target: Target) -> ModelVersion | None:
    """The version of the model here that has this very file."""
    with fetched.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    here = ModelVersion.objects.filter(model__name=target.name, artifact_id=digest)
    return here.select_related("model").order_by(*VERSION_ORDER).last()


def register(fetched: Fetched, facts: Facts, target: Target) -> ModelVersion:
    """Through the door of uploads: looked into in a process with limits, stored, registered."""
    from hamlet.signature import Signature

    with a_place():
        found = inspect(fetched.path)
    artifact = store_file(fetched.path, MEDIA_TYPES[ModelVersion.Format(found.format)])
    with transaction.atomic():
        model = find_or_make(facts, target)
        check_may_change(target.user, model, "register versions of it")
        parent = facts.parent_sha256
        return register_version(
            model=model,
            artifact=artifact,
            user=target.user,
            lineage={"file": found.metadata, **facts.lineage, "system": model.system},
            parameters=facts.parameters,
            metrics=facts.metrics,
            parent=model.versions.filter(artifact_id=parent).first() if parent else None,
            signature=Signature.from_data(found.signature),
            file_format=found.format,
            part=part_for(model, found, facts.number),
            description=facts.description,
            tags=facts.tags,
        )


def find_or_make(facts: Facts, target: Target) -> RegisteredModel:
    known = RegisteredModel.objects.filter(name=target.name).first()
    if known is not None:
        return known
    system = target.system or facts.system
    model = ensure_model(target.name, system, target.user, target.classroom)
    return change_model(
        model, target.user, tags=facts.model_tags, description=facts.model_description
    )


def part_for(model: RegisteredModel, found: Inspection, number: str | None) -> str | None:
    """The part to raise so that a version gets the number it had; None if none leads there."""
    for part in PARTS:
        try:
            following = next_number(model, found.signature, brain_hash(found.signature), part)
        except SpecError:
            continue  # more than this part has changed
        if ".".join(map(str, following)) == number:
            return part
    return None


def set_aliases(
    remote: RemoteModel, taken: dict[str, ModelVersion], target: Target, say: Say
) -> None:
    for alias, number in sorted(remote.aliases.items()):
        version = taken.get(number)
        if version is None or version.aliases.filter(name=alias).exists():
            continue
        try:
            moved: Any = move_alias(
                version.model, alias, version, target.user, reason="from MLflow"
            )
        except (RegistryError, SpecError) as error:
            say(f"note: the alias {alias[:60]!r} is not set here: {error}")
        else:
            say(f"{moved} -> {version.number}")
