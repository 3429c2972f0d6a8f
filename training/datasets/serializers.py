"""How datasets look on the API. The data itself comes from `training.datasets.queries`."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from registry.jobs.models import JobStatus
from registry.jobs.serializers import JOB_ID, QUEUED, QueuedJob
from training.datasets.models import READY

STATUSES = [READY, *(status for status in JobStatus.values if status != JobStatus.SUCCEEDED)]


class DatasetSummary(serializers.Serializer):
    """A dataset, without what is in it."""

    name = serializers.CharField()
    system = serializers.CharField()
    status = serializers.CharField(help_text=f"one of {', '.join(STATUSES)}")
    reason = serializers.CharField(help_text="why it failed, or what it waits for")
    description = serializers.CharField()
    owner = serializers.CharField(allow_null=True)
    classroom = serializers.CharField(allow_null=True)
    total_examples = serializers.IntegerField()
    manifest_hash = serializers.CharField(allow_null=True, help_text="names its content")
    created_at = serializers.DateTimeField()
    ready_at = serializers.DateTimeField(allow_null=True)
    job_id = serializers.UUIDField(allow_null=True, help_text="null once the job is forgotten")
    url = serializers.CharField()
    export_url = serializers.CharField(allow_null=True, help_text="once it is ready")


class ShardData(serializers.Serializer):
    sha256 = serializers.CharField()
    rows = serializers.IntegerField()
    bytes = serializers.IntegerField()


class FilterData(serializers.Serializer):
    filter = serializers.CharField()
    unit = serializers.ChoiceField(["games", "examples"])
    removed = serializers.IntegerField()


class DatasetData(DatasetSummary):
    """A dataset: its options, what each filter removed, its statistics, the files that hold it."""

    options = serializers.DictField()
    seed = serializers.IntegerField()
    sources = serializers.DictField(allow_null=True)
    filters = FilterData(many=True, allow_null=True)
    statistics = serializers.DictField(allow_null=True)
    shards = ShardData(many=True)


DATASET_QUEUED = QUEUED | {
    "kind": "dataset",
    "model": None,
    "version": None,
    "queue": "work",
    "progress": {"done": 0, "total": 1200, "unit": "game"},
}


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "queued",
            response_only=True,
            value={"job_id": JOB_ID, "dataset": "friday", **DATASET_QUEUED},
        )
    ]
)
class QueuedDataset(QueuedJob):
    """The job that builds a dataset."""

    dataset = serializers.CharField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "a line",
            value={
                "board": {"board": "4343", "player": 1},
                "move": 3,
                "value": 1.0,
                "policy": [0, 0, 0, 1.0, 0, 0, 0],
                "weight": 1.0,
            },
        )
    ]
)
class ExampleData(serializers.Serializer):
    """A line of an export; the first one is `{"dataset": <manifest>}`."""

    board = serializers.DictField(required=False)
    move = serializers.IntegerField(required=False)
    value = serializers.FloatField(required=False)
    policy = serializers.ListField(child=serializers.FloatField(), required=False)
    weight = serializers.FloatField(required=False)
    game_id = serializers.CharField(required=False)
    ply = serializers.IntegerField(required=False)


DATASET_BODY = {
    "application/json": {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"},
            "description": {"type": "string"},
            "classroom": {"type": "string", "description": "name or number of a class of yours"},
            "seed": {"type": "integer", "default": 0},
            "examples": {
                "type": "array",
                "items": {"type": "object", "additionalProperties": True},
                "description": "in place of games: {board: {board, player}, move, value, policy?, "
                "weight?, game_id?, ply?}",
            },
            "options": {
                "type": "object",
                "nullable": True,
                "description": "value_target, value_decay, only_winner_moves, include_policy, "
                "deduplicate, filters, balance, augment, max_examples",
                "additionalProperties": True,
            },
        },
        "example": {
            "name": "friday",
            "options": {
                "value_target": "mixed",
                "include_policy": True,
                "augment": {"flip": True},
                "filters": {"min_length": 8},
            },
        },
    }
}
