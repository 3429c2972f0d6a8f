"""How examples that wait, and what a model learns on from, look on the API."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from registry.api_schema import body
from training.retraining.models import NightOutcome

BASE = "number of the version to go on from; null: the one in service when the run starts"
NEEDED = "more examples until a run starts; 0: as soon as it can"
LEARNING = {
    "model": "dropper",
    "enough_examples": 1000,
    "own_enough_examples": None,
    "most_examples": 100_000,
    "queues": [
        {
            "base_version": None,
            "queued": 640,
            "needed": 360,
            "since": "2026-11-22T09:30:00Z",
        }
    ],
    "problem": "",
    "nightly": {
        "on": True,
        "since": "2026-11-20T12:00:00Z",
        "at": "02:00 UTC",
        "next_at": "2026-11-23T02:00:00Z",
        "games_needed": 100,
    },
    "nights": [
        {
            "night": "2026-11-22",
            "outcome": "skipped",
            "reason": "found 37 finished games since the last training; 100 are needed",
            "games": 37,
            "run_id": None,
            "run_url": None,
            "version": None,
            "asked_by": None,
            "decided_at": "2026-11-22T02:00:12Z",
        }
    ],
}


class ExampleQueue(serializers.Serializer):
    base_version = serializers.CharField(allow_null=True, help_text=BASE)
    queued = serializers.IntegerField()
    needed = serializers.IntegerField(help_text=NEEDED)
    since = serializers.DateTimeField(allow_null=True, help_text="since when the first waits")


class NightData(serializers.Serializer):
    night = serializers.DateField(help_text="the day on which it began")
    outcome = serializers.ChoiceField(NightOutcome.values)
    reason = serializers.CharField(help_text="why it was skipped or failed; may be empty")
    games = serializers.IntegerField(help_text="finished games since the last training")
    run_id = serializers.UUIDField(allow_null=True)
    run_url = serializers.CharField(allow_null=True)
    version = serializers.CharField(
        allow_null=True, help_text="that the alias candidate was moved to"
    )
    asked_by = serializers.CharField(allow_null=True, help_text="null: the timetable")
    decided_at = serializers.DateTimeField()


class NightlySchedule(serializers.Serializer):
    on = serializers.BooleanField()
    since = serializers.DateTimeField(allow_null=True, help_text="when it was turned on")
    at = serializers.CharField(help_text="when nights begin: 02:00 UTC")
    next_at = serializers.DateTimeField(allow_null=True)
    games_needed = serializers.IntegerField()


@extend_schema_serializer(
    examples=[OpenApiExample("a quiet night", response_only=True, value=LEARNING)]
)
class LearningData(serializers.Serializer):
    """How a model learns on from what comes in."""

    model = serializers.CharField()
    enough_examples = serializers.IntegerField(help_text="queued examples that start a run")
    own_enough_examples = serializers.IntegerField(
        allow_null=True, help_text="what was set for this model; null: the platform's number"
    )
    most_examples = serializers.IntegerField(help_text="that may wait")
    queues = ExampleQueue(many=True)
    problem = serializers.CharField(help_text="why what waits started no run; may be empty")
    nightly = NightlySchedule()
    nights = NightData(many=True, help_text="newest first, at most 14")


@extend_schema_serializer(
    examples=[OpenApiExample("thrown away", response_only=True, value={"discarded": 640})]
)
class DiscardedExamples(serializers.Serializer):
    discarded = serializers.IntegerField()


LEARNING_BODY = body(
    [],
    nightly={"type": "boolean", "description": "learn at night from the games since the last time"},
    enough_examples={
        "type": "integer",
        "minimum": 1,
        "nullable": True,
        "description": "queued examples that start a run; null: the platform's number",
    },
)
