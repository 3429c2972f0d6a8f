"""Give versions to an MLflow registry: once each, with all that is known of them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from registry.audit import actions
from registry.audit.services import record as write_down
from registry.mlflow_bridge import record
from registry.mlflow_bridge.connection import Connection, speaking
from registry.mlflow_bridge.errors import NotThereError, OtherVersionError, ServerError
from registry.mlflow_bridge.packing import Place, onnx_of, pack
from registry.mlflow_bridge.remote import (
    RESERVED_ALIAS,
    RemoteModel,
    RemoteVersion,
    all_versions,
    find_model,
)
from registry.models import ModelVersion, RegisteredModel, User
from registry.names import subject_of

EXPERIMENT = "hamlet"  # MLFLOW_EXPERIMENT_NAME goes first
PROXIED = "mlflow-artifacts:"
PER_REQUEST = 100  # parameters or metrics; MLflow takes no more parameters at once
Say = Callable[[str], None]


@dataclass
class Destination:
    """A registered model over there: `numbers` of its versions by our number."""

    connection: Connection
    client: Any
    name: str
    model: RemoteModel
    here: dict[str, RemoteVersion]


def export_versions(
    connection: Connection,
    model: RegisteredModel,
    versions: list[ModelVersion],
    *,
    name: str | None = None,
    user: User | None = None,
    say: Say,
) -> int:
    """Give versions of one model to MLflow, with the aliases that name them.

    A version that is there already, with the same number and file, is left as it is.

    Args:
        name: over there; None takes the model's own. say: takes a line for each thing done.
    Returns: how many versions were not there.
    Raises: ServerError; OtherVersionError before anything is sent; ExportError;
        ArtifactDamagedError.
    """
    with speaking(connection):
        known = find_destination(connection, name or model.name)
        check_numbers(known, versions)
        describe_model(known, model, say)
        made = 0
        for version in versions:
            if there := known.here.get(version.number):
                say(f"{version} is there as {there}")
                continue
            known.here[version.number] = export_version(known, version, user)
            say(f"{version} -> {known.here[version.number]}")
            say_what_was_left(version, say)
            made += 1
        set_aliases(known, versions, say)
    return made


def find_destination(connection: Connection, name: str) -> Destination:
    """The model over there, made if it is not."""
    client = connection.client()
    try:
        model = find_model(connection, name)
    except NotThereError:
        client.create_registered_model(name)
        model = find_model(connection, name)
    versions = sorted(all_versions(connection, name), key=lambda each: int(each.number))
    here = {each.tags["hamlet.version"]: each for each in versions if "hamlet.version" in each.tags}
    return Destination(connection, client, name, model, here)


def check_numbers(known: Destination, versions: list[ModelVersion]) -> None:
    """Raises: OtherVersionError."""
    for version in versions:
        there = known.here.get(version.number)
        found = there.tags.get("hamlet.artifact_sha256", "") if there else version.artifact_id
        if found != version.artifact_id:
            raise OtherVersionError(
                f"{known.name} on {known.connection.shown} has a {version.number} already, "
                f"version {there.number} there, made from the file {found[:12]}; {version} here is "
                f"{version.artifact_id[:12]}. Nothing was exported. Choose another --name."
            )


def describe_model(known: Destination, model: RegisteredModel, say: Say) -> None:
    """Description and tags follow ours, in a model that is empty over there or came from here."""
    owner = known.model.tags.get("hamlet.model")
    if owner != model.name and (owner or known.model.tags or known.model.description):
        say(f"note: {known.name} was there already; its description and tags were left alone")
        return
    if model.description != known.model.description:
        known.client.update_registered_model(known.name, model.description)
    for key, value in {**model.tags, "hamlet.model": model.name}.items():
        if known.model.tags.get(key) != value:
            known.client.set_registered_model_tag(known.name, key, value)


def export_version(known: Destination, version: ModelVersion, user: User | None) -> RemoteVersion:
    """One run, one logged model, one version of the registered model.

    The version comes last: what a crash leaves behind is a run that failed, and the next export
    begins again.
    """
    client, graph = known.client, onnx_of(version, user)
    with (
        tempfile.TemporaryDirectory(prefix="hamlet-mlflow-") as folder,
        logged_run(known, version) as run_id,
        logged_model(known, version, run_id) as logged,
    ):
        check_served(known, logged.artifact_location)
        path = Path(folder) / "model"
        pack(version, graph, path, Place(run_id, logged.model_id, logged.artifact_location))
        client.log_model_artifacts(logged.model_id, str(path))
    made = client.create_model_version(
        known.name,
        f"models:/{logged.model_id}",
        run_id,
        tags=record.tags_of(version),
        description=version.card.description,
        model_id=logged.model_id,
    )
    note(known, version, user, made)
    return RemoteVersion(known.name, str(made.version), run_id, made.source, made.status, "")


@contextlib.contextmanager
def logged_run(known: Destination, version: ModelVersion) -> Iterator[str]:
    """A run over there with parameters, metrics and tags, FAILED if the block raises."""
    from mlflow.entities import Metric, Param

    client = known.client
    at = int(version.created_at.timestamp() * 1000)
    run = client.create_run(
        experiment_id(client), start_time=at, tags=record.tags_of(version), run_name=str(version)
    )
    run_id, ending = run.info.run_id, "FAILED"
    try:
        parameters, _ = record.parameters_of(version)
        for some in _batches([Param(key, value) for key, value in parameters.items()]):
            client.log_batch(run_id, params=some)
        metrics, _ = record.metrics_of(version)
        for some in _batches([Metric(key, value, at, 0) for key, value in metrics.items()]):
            client.log_batch(run_id, metrics=some)
        yield run_id
        ending = "FINISHED"
    finally:
        with _even_if_it_fails(ending):
            client.set_terminated(run_id, ending)


@contextlib.contextmanager
def logged_model(known: Destination, version: ModelVersion, run_id: str) -> Iterator[Any]:
    """MLflow's own record of the files, FAILED if the block raises."""
    from mlflow.entities import LoggedModelOutput

    client = known.client
    model = client.create_logged_model(
        experiment_id(client),
        name=f"{version.model.name}-{version.number}".replace(".", "_"),
        source_run_id=run_id,
        tags=record.tags_of(version),
    )
    ending = "FAILED"
    try:
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        yield model
        ending = "READY"
    finally:
        with _even_if_it_fails(ending):
            client.finalize_logged_model(model.model_id, ending)


def _even_if_it_fails(ending: str) -> Any:
    """Where something failed already, that is what the person hears of."""
    return contextlib.suppress(Exception) if ending == "FAILED" else contextlib.nullcontext()


def experiment_id(client: Any) -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name))
    if found.lifecycle_stage != "active":
        raise ServerError(
            f"the experiment {name!r} was deleted over there. Restore it, or set "
            "MLFLOW_EXPERIMENT_NAME to another."
        )
    return str(found.experiment_id)


def check_served(known: Destination, location: str) -> None:
    """Files go to the server itself, never to a path or a store that it names."""
    if not location.startswith(PROXIED):
        raise ServerError(
            f"{known.connection.shown} wants files at {location[:100]}, not with itself. Start it "
            "with --serve-artifacts and --artifacts-destination, which may name such a store."
        )


def set_aliases(known: Destination, versions: list[ModelVersion], say: Say) -> None:
    for version in versions:
        there = known.here[version.number].number
        for alias in version.aliases.order_by("name").values_list("name", flat=True):
            if RESERVED_ALIAS.fullmatch(alias):
                say(f"note: the alias {alias} is not set there; MLflow keeps such names for itself")
            elif known.model.aliases.get(alias) != there:
                known.client.set_registered_model_alias(known.name, alias, there)
                say(f"{alias} -> {known.name}/{there}")


def say_what_was_left(version: ModelVersion, say: Say) -> None:
    left = [*record.parameters_of(version)[1], *record.metrics_of(version)[1]]
    if left:
        shown = ", ".join(left[:5]) + (", ..." if len(left) > 5 else "")
        say(f"note: MLflow takes no such names or texts: {shown}; {record.RECORD} has them")


def note(known: Destination, version: ModelVersion, user: User | None, made: Any) -> None:
    details = {
        "format": "mlflow",
        "artifact_sha256": version.artifact_id,
        "server": known.connection.shown,
        "as": f"{known.name}/{made.version}",
    }
    with transaction.atomic():
        write_down(
            actions.VERSION_EXPORTED,
            actor=user,
            kind="version",
            subject=subject_of(version),
            classroom_id=version.model.classroom_id,
            details=details,
        )


def _batches(listed: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(listed), PER_REQUEST):
        yield listed[start : start + PER_REQUEST]
