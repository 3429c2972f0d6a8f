"""How things of the registry look on the API."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from registry.models import (
    Alias,
    AliasMove,
    BrainSpec,
    Export,
    ModelVersion,
    RegisteredModel,
)


class ModelData(serializers.Serializer):
    """A name under which versions are kept."""

    name = serializers.CharField()
    system = serializers.CharField()
    description = serializers.CharField()
    tags = serializers.DictField(child=serializers.CharField())
    owner = serializers.CharField(source="owner.username", default=None, allow_null=True)
    classroom = serializers.CharField(source="classroom.name", default=None, allow_null=True)
    created_at = serializers.DateTimeField()
    version_count = serializers.IntegerField()
    newest_version = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    def get_newest_version(self, model: RegisteredModel) -> str | None:
        newest = self.context.get("newest", {}).get(model.newest_version_id)
        return newest.number if newest else None

    def get_url(self, model: RegisteredModel) -> str:
        return reverse("api-model", args=[model.name])


class VersionData(serializers.Serializer):
    """A registered file; never changed again, but for status, tags and description."""

    model = serializers.CharField(source="model.name")
    version = serializers.CharField(source="number")
    format = serializers.CharField()
    status = serializers.CharField(source="card.status")
    description = serializers.CharField(source="card.description")
    tags = serializers.DictField(source="card.tags", child=serializers.CharField())
    aliases = serializers.SerializerMethodField()
    artifact_sha256 = serializers.CharField(source="artifact_id")
    size_bytes = serializers.IntegerField(source="artifact.size_bytes")
    brain_spec_hash = serializers.CharField()
    layout_hash = serializers.CharField()
    run_id = serializers.UUIDField(allow_null=True)
    parent = serializers.CharField(source="parent.number", default=None, allow_null=True)
    lineage = serializers.JSONField()
    parameters = serializers.JSONField()
    metrics = serializers.JSONField()
    registered_by = serializers.CharField(
        source="registered_by.username", default=None, allow_null=True
    )
    created_at = serializers.DateTimeField()
    url = serializers.SerializerMethodField()
    download_url = serializers.SerializerMethodField()

    def get_aliases(self, version: ModelVersion) -> list[str]:
        return sorted(alias.name for alias in version.aliases.all())

    def get_url(self, version: ModelVersion) -> str:
        return reverse("api-version", args=[version.model.name, version.number])

    def get_download_url(self, version: ModelVersion) -> str:
        return reverse("api-version-download", args=[version.model.name, version.number])


class VersionDetail(VersionData):
    """With the signature: what the version takes and gives, by name."""

    signature = serializers.JSONField()


class AliasData(serializers.Serializer):
    """A movable name for a version."""

    alias = serializers.CharField(source="name")
    version = serializers.CharField(source="version.number")
    protected = serializers.BooleanField()


class AliasThen(serializers.Serializer):
    """What an alias named at a time."""

    alias = serializers.CharField()
    version = serializers.CharField(allow_null=True, help_text="null where it named nothing")
    at = serializers.DateTimeField()


class AliasMoveData(serializers.Serializer):
    """An alias began, moved or ended."""

    alias = serializers.CharField(source="name")
    old_version = serializers.SerializerMethodField()
    new_version = serializers.SerializerMethodField()
    reason = serializers.CharField()
    moved_by = serializers.CharField(source="moved_by.username", default=None, allow_null=True)
    moved_at = serializers.DateTimeField()

    def get_old_version(self, move: AliasMove) -> str | None:
        return move.old_number or None

    def get_new_version(self, move: AliasMove) -> str | None:
        return move.new_number or None


class LiveAlias(serializers.Serializer):
    """What an alias named at a time, and since when."""

    alias = serializers.CharField(source="name")
    version = serializers.CharField(source="new_number")
    artifact_sha256 = serializers.CharField(
        source="new_version.artifact_id",
        default=None,
        allow_null=True,
        help_text="null where the version was deleted for good since",
    )
    since = serializers.DateTimeField(source="moved_at")
    moved_by = serializers.CharField(source="moved_by.username", default=None, allow_null=True)


class CheckData(serializers.Serializer):
    """One look into the file of a version."""

    id = serializers.IntegerField(source="pk")
    asked_at = serializers.DateTimeField()
    asked_by = serializers.CharField(source="asked_by.username", default=None, allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    passed = serializers.BooleanField(allow_null=True, help_text="null while it waits or runs")
    problem = serializers.CharField()
    report = serializers.JSONField()


class ExportData(serializers.Serializer):
    """A version in another engine's form."""

    format = serializers.CharField()
    artifact_sha256 = serializers.CharField(source="artifact_id")
    size_bytes = serializers.IntegerField(source="artifact.size_bytes")
    parity_relative = serializers.FloatField(
        help_text="largest relative difference from the original's answers"
    )
    created_at = serializers.DateTimeField()
    download_url = serializers.SerializerMethodField()

    def get_download_url(self, export: Export) -> str:
        version = export.version
        return reverse(
            "api-export-download", args=[version.model.name, version.number, export.format]
        )


class AuditData(serializers.Serializer):
    """One thing that somebody did."""

    sequence = serializers.IntegerField()
    happened_at = serializers.DateTimeField()
    actor = serializers.CharField(allow_blank=True, help_text="empty for the platform itself")
    action = serializers.CharField()
    kind = serializers.CharField()
    subject = serializers.CharField()
    details = serializers.JSONField()
    previous_hash = serializers.CharField()
    hash = serializers.CharField()


class BrainSummary(serializers.Serializer):
    """A brain spec in a list."""

    name = serializers.CharField()
    spec_hash = serializers.CharField()
    architecture = serializers.CharField(source="data.architecture.type", default="")
    owner = serializers.CharField(source="owner.username", default=None, allow_null=True)
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    url = serializers.SerializerMethodField()

    def get_url(self, brain: BrainSpec) -> str:
        return reverse("api-brain", args=[brain.name])


class BrainDetail(BrainSummary):
    """The YAML as it was written, and what it means with every default written out."""

    yaml = serializers.CharField(source="yaml_text")
    data = serializers.JSONField()


def model_data(model: RegisteredModel, newest: dict[int, ModelVersion]) -> dict[str, Any]:
    return ModelData(model, context={"newest": newest}).data


def version_data(version: ModelVersion) -> dict[str, Any]:
    return VersionData(version).data


def alias_data(alias: Alias) -> dict[str, Any]:
    return AliasData(alias).data


def move_data(move: AliasMove) -> dict[str, Any]:
    return AliasMoveData(move).data


def brain_data(brain: BrainSpec) -> dict[str, Any]:
    return BrainSummary(brain).data
