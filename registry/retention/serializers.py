"""How rules and their consequences look on the API."""

from __future__ import annotations

from rest_framework import serializers


class RuleData(serializers.Serializer):
    """Which versions are archived by themselves, and deleted later."""

    model = serializers.CharField(
        source="model.name", default=None, allow_null=True, help_text="null: for all models"
    )
    keep_newest = serializers.IntegerField()
    archive_after_days = serializers.IntegerField()
    delete_after_days = serializers.IntegerField(allow_null=True)


class PlannedData(serializers.Serializer):
    """One version, and what the rules do with it in the next round."""

    model = serializers.CharField(source="version.model.name")
    version = serializers.CharField(source="version.number")
    action = serializers.ChoiceField(choices=["archive", "delete"])
    due_since = serializers.DateTimeField()


class RetentionData(serializers.Serializer):
    """The rules that you may see, and what they would do now."""

    rules = RuleData(many=True)
    planned = PlannedData(many=True)
    more = serializers.BooleanField(help_text="whether more is planned than is listed")
