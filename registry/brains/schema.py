"""What the API says about brain specs, for its description."""

from __future__ import annotations

from rest_framework import serializers


class NetworkLayer(serializers.Serializer):
    name = serializers.CharField()
    type = serializers.CharField()
    output = serializers.ListField(
        child=serializers.IntegerField(), help_text="its shape for one observation"
    )
    parameters = serializers.IntegerField()


class NetworkOverview(serializers.Serializer):
    """The network that a brain makes for the observations of a level."""

    system = serializers.CharField()
    level = serializers.CharField()
    inputs = serializers.IntegerField()
    actions = serializers.ListField(child=serializers.CharField())
    parameters = serializers.IntegerField()
    layers = NetworkLayer(many=True)
    memory_bytes = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="that learning takes, by what for; the activations of a batch come on top",
    )


class BrainCheck(serializers.Serializer):
    spec_hash = serializers.CharField()
    data = serializers.DictField(help_text="the spec with every default written out")
    network = NetworkOverview(allow_null=True, help_text="null unless a level was given")


class FieldDifferenceData(serializers.Serializer):
    """A side that has no such field is left out."""

    path = serializers.CharField()
    left = serializers.JSONField(required=False, allow_null=True)
    right = serializers.JSONField(required=False, allow_null=True)


class BrainDifference(serializers.Serializer):
    """`same` where both mean the same brain, however they are written."""

    same = serializers.BooleanField()
    fields = FieldDifferenceData(many=True)
    text = serializers.CharField(help_text="a unified difference; empty where there is none")
    text_too_long = serializers.BooleanField(help_text="the texts were not compared")
