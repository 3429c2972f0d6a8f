"""How webhooks look on the API. The secret is in no list and in no detail."""

from __future__ import annotations

from rest_framework import serializers


class WebhookData(serializers.Serializer):
    """An address that gets a signed message for each event it asked for."""

    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    owner = serializers.CharField(source="owner.username")
    classroom = serializers.IntegerField(source="classroom_id", allow_null=True)
    active = serializers.BooleanField()
    old_secret_until = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class NewWebhookData(WebhookData):
    """With the secret, which is shown this once."""

    secret = serializers.CharField()


class DeliveryData(serializers.Serializer):
    """One message to one address, and how far it got."""

    id = serializers.UUIDField()
    event_id = serializers.UUIDField(help_text="the same for a message that is sent again")
    event = serializers.CharField()
    status = serializers.CharField()
    attempts = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    answer_status = serializers.IntegerField(allow_null=True)
    answer_excerpt = serializers.CharField()
    problem = serializers.CharField()
    took_ms = serializers.FloatField(allow_null=True)
    body = serializers.CharField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
