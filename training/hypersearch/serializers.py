"""How searches look on the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from registry.jobs.serializers import JOB_ID, QUEUED, JobData
from training.hypersearch.reading import (
    DEFAULT_AT_ONCE,
    DEFAULT_SAMPLES,
    EARLY_STOPPING,
    LONGEST_MODEL,
    LONGEST_NAME,
    MEDIAN,
    MODE,
    MOST_AT_ONCE,
    MOST_SAMPLES,
    TRIALS,
)
from training.hypersearch.space import MOST_CHOICES, MOST_PARAMETERS
from training.hypersearch.trials import METRIC, TRIAL_STATUSES

RUN_ID = "0d2b7a52-9a0a-4b0e-8d0c-6f6a3f5d1c11"


class TrialData(serializers.Serializer):
    """One attempt, which is a run like any other."""

    number = serializers.IntegerField(help_text="from 1; the run is called <search>.<number>")
    status = serializers.ChoiceField(
        TRIAL_STATUSES, help_text="stopped: it was worse than the median of others by then"
    )
    values = serializers.DictField(help_text="by the path of the setting")
    value = serializers.FloatField(allow_null=True, help_text=f"its lowest {METRIC} so far")
    at_epoch = serializers.IntegerField(allow_null=True, help_text="where it reached that")
    reason = serializers.CharField(allow_blank=True, help_text="why it failed or was stopped")
    run_id = serializers.UUIDField(allow_null=True)
    run_url = serializers.CharField(allow_null=True)


SEARCHING: dict[str, Any] = {
    **QUEUED,
    "id": JOB_ID,
    "job_id": JOB_ID,
    "kind": "hypersearch",
    "model": "tuned",
    "version": None,
    "model_version": None,
    "progress": {"done": 1, "total": 10, "unit": "trial"},
    "name": "tuning",
    "num_samples": 10,
    "max_concurrent": 1,
    "early_stopping": MEDIAN,
    "seed": 1,
    "config": {"model_type": "alphazero", "epochs": 20},
    "search_space": {"learning_rate": {"loguniform": [0.0001, 0.01]}},
    "metric": METRIC,
    "mode": MODE,
    "best_config": {"model_type": "alphazero", "epochs": 20, "learning_rate": 0.0021},
    "best_values": {"learning_rate": 0.0021},
    "best_value": 1.83,
    "best_trial": 1,
    "training_job_id": RUN_ID,
    "results": [
        {
            "number": 1,
            "status": "completed",
            "values": {"learning_rate": 0.0021},
            "value": 1.83,
            "at_epoch": 17,
            "reason": "",
            "run_id": RUN_ID,
            "run_url": f"/api/v1/runs/{RUN_ID}",
        }
    ],
    "search_url": f"/api/v1/hypersearch/{JOB_ID}",
}


@extend_schema_serializer(
    examples=[OpenApiExample("after one trial", response_only=True, value=SEARCHING)]
)
class SearchData(JobData):
    """A search: the job, its trials so far, and the best of those that came to their end."""

    job_id = serializers.UUIDField(help_text="the same as id")
    name = serializers.CharField()
    num_samples = serializers.IntegerField()
    max_concurrent = serializers.IntegerField()
    early_stopping = serializers.ChoiceField(EARLY_STOPPING)
    seed = serializers.IntegerField()
    config = serializers.DictField(help_text="what all trials share")
    search_space = serializers.DictField()
    metric = serializers.ChoiceField([METRIC])
    mode = serializers.ChoiceField([MODE])
    best_config = serializers.DictField(
        allow_null=True, help_text="config with the best trial's values, ready for POST train"
    )
    best_values = serializers.DictField(allow_null=True)
    best_value = serializers.FloatField(allow_null=True)
    best_trial = serializers.IntegerField(allow_null=True)
    training_job_id = serializers.UUIDField(
        allow_null=True, help_text="the best trial's run; see GET train/{job_id}"
    )
    model = serializers.CharField(help_text="gets the version of the best trial at the end")
    model_version = serializers.CharField(allow_null=True)
    results = TrialData(many=True)
    search_url = serializers.CharField()


BOUNDS: dict[str, Any] = {
    "type": "array",
    "items": {"type": "number"},
    "minItems": 2,
    "maxItems": 2,
    "description": "lowest and highest",
}
SPACE_ENTRY: dict[str, Any] = {
    "type": "object",
    "description": "exactly one of these",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {
        "choice": {"type": "array", "items": {}, "minItems": 2, "maxItems": MOST_CHOICES},
        "uniform": BOUNDS,
        "loguniform": BOUNDS,
        "int": BOUNDS,
    },
}
SEARCH_BODY: dict[str, Any] = {
    "application/json": {
        "type": "object",
        "required": ["search_space"],
        "properties": {
            "search_space": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": MOST_PARAMETERS,
                "description": "by the path of a setting of config, such as regularization.l2",
                "additionalProperties": SPACE_ENTRY,
            },
            "examples": {
                "type": "array",
                "nullable": True,
                "items": {"type": "object", "additionalProperties": True},
                "description": "as POST train takes them; or a dataset",
            },
            "dataset": {
                "type": "string",
                "nullable": True,
                "description": "the name of a dataset; or examples",
            },
            "config": {
                "type": "object",
                "nullable": True,
                "additionalProperties": True,
                "description": "what all trials share, as POST train takes it",
            },
            "num_samples": {
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_SAMPLES,
                "default": DEFAULT_SAMPLES,
                "description": "how many trials",
            },
            "max_concurrent": {
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_AT_ONCE,
                "default": DEFAULT_AT_ONCE,
                "description": "how many of them may wait or run at once",
            },
            "early_stopping": {
                "type": "string",
                "enum": list(EARLY_STOPPING),
                "default": MEDIAN,
                "description": f"median: a trial whose lowest {METRIC} is above the median that "
                "completed ones had by the same epoch is cancelled",
            },
            "metric": {"type": "string", "enum": [METRIC], "default": METRIC},
            "mode": {"type": "string", "enum": [MODE], "default": MODE},
            "seed": {
                "type": "integer",
                "nullable": True,
                "description": "drawn and kept where none is given",
            },
            "name": {"type": "string", "nullable": True, "maxLength": LONGEST_NAME},
            "model": {
                "type": "string",
                "nullable": True,
                "maxLength": LONGEST_MODEL,
                "description": "gets the version of the best trial; those of all trials go to the "
                f"model of this name with {TRIALS} after it",
            },
            "base_version": {
                "type": "string",
                "nullable": True,
                "description": "model:1.2.0 or model:latest",
            },
            "level": {"type": "string"},
            "brain": {"description": "as POST train takes it"},
            "system": {"type": "string", "enum": ["connect_four"], "default": "connect_four"},
            "device": {"type": "string", "enum": ["cpu", "gpu"], "default": "cpu"},
            "classroom": {"description": "name or number of a class that you teach"},
        },
        "example": {
            "dataset": "sunday",
            "config": {"model_type": "alphazero", "epochs": 20},
            "search_space": {
                "learning_rate": {"loguniform": [0.0001, 0.01]},
                "advanced_config.channels": {"choice": [32, 64]},
            },
            "num_samples": 10,
        },
    }
}
