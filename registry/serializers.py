"""How things of the registry look on the API."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from registry.models import Alias, AliasMove, BrainSpec, ModelVersion, RegisteredModel


class ModelData(serializers.Serializer):
    """A name under which versions are kept."""

    name = serializers.CharField()
    system = serializers.CharField()
    description = serializers.CharField()
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
    """A registered checkpoint; never changed again."""

    model = serializers.CharField(source="model.name")
    version = serializers.CharField(source="number")
    aliases = serializers.SerializerMethodField()
    artifact_sha256 = serializers.CharField(source="artifact_id")
    size_bytes = serializers.IntegerField(source="artifact.size_bytes")
    brain_spec_hash = serializers.CharField()
    layout_hash = serializers.CharField()
    run_id = serializers.UUIDField(allow_null=True)
    lineage = serializers.JSONField()
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


class AliasMoveData(serializers.Serializer):
    """An alias began, moved or ended."""

    alias = serializers.CharField(source="name")
    old_version = serializers.CharField(source="old_version.number", default=None, allow_null=True)
    new_version = serializers.CharField(source="new_version.number", default=None, allow_null=True)
    moved_by = serializers.CharField(source="moved_by.username", default=None, allow_null=True)
    moved_at = serializers.DateTimeField()


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
