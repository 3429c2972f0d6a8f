"""What is kept of where a version came from, and what it brings of its making."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.bundles.manifest import spelt
from registry.mlflow_bridge.connection import Connection
from registry.mlflow_bridge.fetching import Fetched
from registry.mlflow_bridge.remote import RemoteModel, RemoteVersion, facts_of_run
from registry.tags import LONGEST_DESCRIPTION, MOST_TAGS, tag_problems

ORIGIN = "mlflow"  # the key in a version's lineage
LONGEST_METRIC, MOST_METRICS, MOST_PARAMETERS = 60, 200, 500
DEFAULT_SYSTEM = "town"


@dataclass
class Facts:
    """Of a version that is to be registered.

    Attributes:
        number: that it had where we exported it. parent_sha256: of the file it began with.
        notes: what could not be kept, in words of the user.
    """

    lineage: dict[str, Any]
    parameters: dict[str, Any]
    metrics: dict[str, float]
    description: str
    tags: dict[str, str]
    model_description: str
    model_tags: dict[str, str]
    system: str = DEFAULT_SYSTEM
    number: str | None = None
    parent_sha256: str | None = None
    notes: list[str] = field(default_factory=list)


def facts_of(
    connection: Connection, remote: RemoteModel, version: RemoteVersion, fetched: Fetched
) -> Facts:
    """Raises: ServerError."""
    origin = {
        "server": connection.shown,
        "model": version.name[:250],
        "version": version.number,
        "run_id": version.run_id[:64],
        "source": version.source[:500],
        "files": dict(fetched.sha256),
    }
    if fetched.record is not None:
        return of_export(fetched.record, origin)
    return of_stranger(connection, remote, version, fetched, origin)


def of_export(record: Mapping[str, Any], origin: dict[str, Any]) -> Facts:
    """What was here once, or on another server of ours.

    The id of its run is told and not taken over: it stands in a file that others can write, and a
    version that claims a run which still goes on would stand in the way of that run's own.
    """
    model, version = record["model"], record["version"]
    number, parent = spelt(version["number"]), version["parent"]
    was = {
        "model": model["name"],
        "number": number,
        "registered_by": version["registered_by"],
        "created_at": version["created_at"].isoformat(),
        "run_id": version["run_id"],
        "parent": {**parent, "number": spelt(parent["number"])} if parent else None,
    }
    return Facts(
        lineage={**version["lineage"], ORIGIN: {**origin, "was": was}},
        parameters=version["parameters"],
        metrics=version["metrics"],
        description=version["card"]["description"],
        tags=version["card"]["tags"],
        model_description=model["description"],
        model_tags=model["tags"],
        system=model["system"],
        number=number,
        parent_sha256=parent["sha256"] if parent else None,
    )


def of_stranger(
    connection: Connection,
    remote: RemoteModel,
    version: RemoteVersion,
    fetched: Fetched,
    origin: dict[str, Any],
) -> Facts:
    """A model made elsewhere: its run's parameters and metrics, its tags and description."""
    parameters, metrics = facts_of_run(connection, version.run_id)
    kept = {key: value for key, value in metrics.items() if 0 < len(key) <= LONGEST_METRIC}
    kept = dict(list(kept.items())[:MOST_METRICS])
    some = dict(list(parameters.items())[:MOST_PARAMETERS])
    tags, model_tags = usable_tags(version.tags), usable_tags(remote.tags)
    facts = Facts(
        lineage={"source": ORIGIN, "file_name": fetched.name, ORIGIN: origin},
        parameters=some,
        metrics=kept,
        description=version.description[:LONGEST_DESCRIPTION],
        tags=tags,
        model_description=remote.description[:LONGEST_DESCRIPTION],
        model_tags=model_tags,
    )
    for what, there, here in (
        ("metrics", metrics, kept),
        ("parameters", parameters, some),
        ("tags", version.tags, tags),
    ):
        if missing := [key for key in there if key not in here]:
            facts.notes.append(f"{len(missing)} {what} are not kept: {', '.join(missing)[:200]}")
    if fetched.left:
        others = ", ".join(fetched.left)[:200]
        facts.notes.append(f"the ONNX model alone was taken; its flavours {others} were left")
    return facts


def usable_tags(tags: Mapping[str, str]) -> dict[str, str]:
    fit = {key: value for key, value in tags.items() if not tag_problems(key, value, "tags")}
    return dict(list(fit.items())[:MOST_TAGS])
