"""Models and versions as plain data: what `manifest.json` says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from registry.audit import actions
from registry.audit.queries import entries_since_its_name_was_free
from registry.bundles.manifest import FORMAT
from registry.models import Alias, AliasMove, Artifact, ModelVersion, RegisteredModel
from registry.queries import VERSION_ORDER
from registry.versions.models import VersionCard

Chosen = dict[RegisteredModel, Sequence[ModelVersion] | None]


class Kept:
    """What an import wrote down of people and parents that this server does not have.

    With it, a bundle of imported versions says the same as the one that they came from.
    """

    def __init__(self, model: RegisteredModel) -> None:
        self.versions: dict[str, dict[str, Any]] = {}
        self.moves: dict[str, str] = {}
        entries = entries_since_its_name_was_free(model.name).filter(
            kind="model", subject=model.name, action=actions.BUNDLE_IMPORTED
        )
        for details in entries.order_by("sequence").values_list("details", flat=True):
            self.versions |= details.get("kept", {}).get("versions", {})
            self.moves |= details.get("kept", {}).get("moves", {})


def describe_bundle(chosen: Chosen) -> tuple[dict[str, Any], list[Artifact]]:
    """Args: chosen: of each model the versions to take; None for the whole model.

    Returns: (the manifest, the files it names in ascending order of their sha256).
    """
    files: dict[str, Artifact] = {}
    models = [
        describe_model(model, versions, files)
        for model, versions in sorted(chosen.items(), key=lambda item: item[0].name)
    ]
    ordered = [files[digest] for digest in sorted(files)]
    named = {
        artifact.pk: {"size_bytes": artifact.size_bytes, "media_type": artifact.media_type}
        for artifact in ordered
    }
    return {"format": FORMAT, "files": named, "models": models}, ordered


def describe_model(
    model: RegisteredModel, versions: Sequence[ModelVersion] | None, files: dict[str, Artifact]
) -> dict[str, Any]:
    kept = Kept(model)
    taken = model.versions.order_by(*VERSION_ORDER[::-1]).select_related(
        "artifact", "card", "registered_by", "parent__model"
    )
    if versions is not None:
        taken = taken.filter(pk__in=[version.pk for version in versions])
    # Lowest number first, as they were registered.
    taken = taken.order_by("major", "minor", "patch")
    return {
        "name": model.name,
        "system": model.system,
        "description": model.description,
        "tags": model.tags,
        "created_at": moment(model.created_at),
        "whole": versions is None,
        "versions": [describe_version(version, kept, files) for version in taken],
        "aliases": [] if versions is not None else describe_aliases(model),
        "alias_moves": [] if versions is not None else describe_moves(model, kept),
    }


def describe_version(
    version: ModelVersion, kept: Kept, files: dict[str, Artifact]
) -> dict[str, Any]:
    files[version.artifact_id] = version.artifact
    noted = kept.versions.get(version.number, {})
    by = version.registered_by.username if version.registered_by else noted.get("registered_by")
    return {
        "number": version.number,
        "sha256": version.artifact_id,
        "format": version.format,
        "signature": version.signature,
        "brain_spec_hash": version.brain_spec_hash,
        "layout_hash": version.layout_hash,
        "run_id": str(version.run_id) if version.run_id else None,
        "parent": describe_parent(version.parent) if version.parent else noted.get("parent"),
        "lineage": version.lineage,
        "parameters": version.parameters,
        "metrics": version.metrics,
        "registered_by": by,
        "created_at": moment(version.created_at),
        "card": describe_card(version.card),
    }


def describe_parent(parent: ModelVersion) -> dict[str, Any]:
    return {"model": parent.model.name, "number": parent.number, "sha256": parent.artifact_id}


def describe_card(card: VersionCard) -> dict[str, Any]:
    return {
        "status": card.status,
        "description": card.description,
        "tags": card.tags,
        "changed_at": moment(card.changed_at),
    }


def describe_aliases(model: RegisteredModel) -> list[dict[str, Any]]:
    aliases: Iterable[Alias] = model.aliases.select_related("version").order_by("name")
    return [
        {"name": alias.name, "number": alias.version.number, "protected": alias.protected}
        for alias in aliases
    ]


def describe_moves(model: RegisteredModel, kept: Kept) -> list[dict[str, Any]]:
    moves = model.alias_moves.select_related("moved_by").order_by("moved_at", "pk")
    return [describe_move(move, kept) for move in moves]


def describe_move(move: AliasMove, kept: Kept) -> dict[str, Any]:
    by = move.moved_by.username if move.moved_by else kept.moves.get(move_key(move))
    return {
        "name": move.name,
        "old_number": move.old_number or None,
        "new_number": move.new_number or None,
        "reason": move.reason,
        "moved_by": by,
        "moved_at": moment(move.moved_at),
    }


def move_key(move: AliasMove) -> str:
    return f"{move.name} {moment(move.moved_at)} {move.new_number}"


def moment(when: datetime) -> str:
    """To the microsecond, which is what PostgreSQL keeps."""
    return when.astimezone(UTC).isoformat(timespec="microseconds")
