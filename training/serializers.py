"""How things of training look on the API. The data itself comes from `training.queries`."""

from __future__ import annotations

from rest_framework import serializers

from training.models import RunStatus, Wish


class RunSummary(serializers.Serializer):
    """A run in a list."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    system = serializers.CharField()
    level = serializers.CharField()
    status = serializers.ChoiceField(RunStatus.choices)
    wish = serializers.ChoiceField(Wish.choices, help_text="what people want of a running run")
    reason = serializers.CharField(help_text="why it failed, or what it waits for")
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    unit = serializers.CharField()
    owner = serializers.CharField(allow_null=True)
    classroom = serializers.CharField(allow_null=True)
    brain = serializers.CharField(allow_null=True)
    model = serializers.CharField(allow_null=True)
    version = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    url = serializers.CharField()


class RunDetail(RunSummary):
    """Everything about one run."""

    seed = serializers.IntegerField()
    trainer = serializers.CharField()
    spec = serializers.JSONField()
    spec_hash = serializers.CharField()
    queue = serializers.CharField()
    attempts = serializers.IntegerField()
    heartbeat_age_s = serializers.FloatField(allow_null=True)
    waiting_s = serializers.FloatField(allow_null=True)
    stage = serializers.IntegerField(allow_null=True)
    metrics = serializers.DictField(
        child=serializers.FloatField(), help_text="newest value of each"
    )
    episodes_dropped = serializers.IntegerField()
    replays = serializers.IntegerField()
    events = serializers.ListField(child=serializers.DictField())


class EpisodeData(serializers.Serializer):
    """What is remembered of every finished episode."""

    number = serializers.IntegerField()
    survival_steps = serializers.IntegerField()
    score = serializers.FloatField(allow_null=True)
    stage = serializers.IntegerField()
    reason = serializers.CharField()
    summary = serializers.DictField()
    ended_at = serializers.DateTimeField()


class ReplayData(serializers.Serializer):
    """A kept episode in a list."""

    number = serializers.IntegerField()
    survival_steps = serializers.IntegerField()
    score = serializers.FloatField(allow_null=True)
    stage = serializers.IntegerField()
    reasons = serializers.ListField(child=serializers.CharField())
    ended_at = serializers.DateTimeField()


class EpisodeRecording(serializers.Serializer):
    """A kept episode step by step: entry i of every column is step i."""

    number = serializers.IntegerField()
    start = serializers.DictField()
    columns = serializers.DictField(child=serializers.ListField())
    end = serializers.DictField()
    ended_at = serializers.FloatField(help_text="seconds since the epoch")


class CheckpointData(serializers.Serializer):
    """A saved checkpoint; `training` to go on from, `inference` to use."""

    kind = serializers.CharField()
    at = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    metadata = serializers.DictField()
    created_at = serializers.DateTimeField()
    download_url = serializers.CharField(allow_null=True)


class SystemData(serializers.Serializer):
    """A system that can be trained."""

    name = serializers.CharField()
    title = serializers.CharField()
    summary = serializers.CharField()
    unit = serializers.CharField()
    levels_url = serializers.CharField()


class LevelData(serializers.Serializer):
    """A level as a person picks it."""

    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    budget = serializers.IntegerField()


TEXT = {"type": "string"}
TRAIN_BODY = {
    "application/json": {
        "type": "object",
        "properties": {
            "system": {**TEXT, "description": "may be left out where the other fields tell it"},
            "name": {**TEXT, "maxLength": 100, "nullable": True},
            "model": {**TEXT, "description": "the name under which the result is registered"},
            "classroom": {
                "oneOf": [TEXT, {"type": "integer"}],
                "description": "name or number of a class that you teach; it may watch",
            },
            "device": {"type": "string", "enum": ["cpu", "gpu"], "default": "cpu"},
            "level": {"oneOf": [TEXT, {"type": "object"}]},
            "brain": {
                "oneOf": [TEXT, {"type": "object"}],
                "description": "name of a saved brain spec, YAML text, or the spec itself",
            },
            "seed": {"type": "integer"},
            "examples": {
                "type": "array",
                "items": {"type": "object", "additionalProperties": True},
                "description": "to learn from (connect_four): {board: {board, player}, move, "
                "value, policy?, weight?, game_id?, ply?}",
            },
            "base_version": {**TEXT, "description": "to begin from, as walker:1.2.0"},
            "incremental": {
                "type": "boolean",
                "default": False,
                "description": "keep `examples` until there are enough of them, then go on from "
                "base_version, or from the version of `model` that is in service",
            },
        },
        "additionalProperties": {"description": "what else the system takes (town: episodes...)"},
        "example": {"system": "town", "level": "L1", "seed": 7, "episodes": 500},
    }
}
