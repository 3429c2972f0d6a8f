"""How the platform's status looks on the API."""

from __future__ import annotations

from rest_framework import serializers

from training.status.queries import MOST_COUNTED, MOST_VERSIONS

AT_MOST = f"counted up to {MOST_COUNTED}"


class ActiveVersion(serializers.Serializer):
    """A version in service."""

    model = serializers.CharField()
    version = serializers.CharField()
    alias = serializers.CharField(help_text="that puts it into service")


class PlatformStatus(serializers.Serializer):
    """The platform at a glance. All but `workers` counts what you may see."""

    workers = serializers.IntegerField(allow_null=True, help_text="null while nobody knows them")
    active_versions = ActiveVersion(many=True, help_text=f"by model, at most {MOST_VERSIONS}")
    model_count = serializers.IntegerField(help_text=AT_MOST)
    queued_examples = serializers.IntegerField(
        help_text="that wait for a run to learn from them; see models/{name}/learning"
    )
    running_jobs = serializers.IntegerField(help_text=f"runs and other jobs, each {AT_MOST}")
    waiting_jobs = serializers.IntegerField(help_text="as running_jobs")
    deployments = serializers.ListField(
        child=serializers.DictField(),
        help_text="always empty: the alias production is what puts versions into service",
    )
