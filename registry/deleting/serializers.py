"""How a preview looks on the API."""

from __future__ import annotations

from rest_framework import serializers


class PartData(serializers.Serializer):
    """Some rows of one kind, and what becomes of them."""

    kind = serializers.CharField()
    count = serializers.IntegerField()
    fate = serializers.CharField()
    examples = serializers.ListField(child=serializers.CharField())


class PreviewData(serializers.Serializer):
    """What deleting would do at this moment; `token` goes with the deletion."""

    kind = serializers.CharField()
    name = serializers.CharField()
    blockers = serializers.ListField(
        child=serializers.CharField(), help_text="why it cannot be deleted now"
    )
    goes = PartData(many=True)
    stays = PartData(many=True)
    files = serializers.ListField(child=serializers.CharField())
    freed_bytes = serializers.IntegerField()
    token = serializers.CharField()
