"""How jobs look on the API. The data itself comes from `registry.jobs.queries`."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from registry.jobs.models import JobStatus
from registry.jobs.predicting import DEVICES

JOB_ID = "6f1c9b0e-54a7-4d0b-9f7e-2a86c1d0e7aa"


class JobProgress(serializers.Serializer):
    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True, help_text="null: not known yet")
    unit = serializers.CharField(help_text="row, game, position, ...")


RUNNING = {
    "id": JOB_ID,
    "kind": "prediction",
    "status": "running",
    "model": "town-L1",
    "version": "1.0.0",
    "owner": "student",
    "device": "cpu",
    "queue": "inference",
    "device_used": "cpu",
    "reason": "",
    "cancel_wished": False,
    "progress": {"done": 4096, "total": 20000, "unit": "row"},
    "attempts": 1,
    "created_at": "2026-01-02T03:04:05.600000Z",
    "started_at": "2026-01-02T03:04:05.700000Z",
    "ended_at": None,
    "kept_until": None,
    "waiting_s": None,
    "heartbeat_age_s": 1.2,
    "result": None,
    "url": f"/api/v1/jobs/{JOB_ID}",
    "result_url": None,
}


QUEUED = RUNNING | {
    "status": "queued",
    "progress": {"done": 0, "total": 20000, "unit": "row"},
    "attempts": 0,
    "started_at": None,
    "waiting_s": 0.01,
    "heartbeat_age_s": None,
}


@extend_schema_serializer(examples=[OpenApiExample("running", response_only=True, value=RUNNING)])
class JobData(serializers.Serializer):
    """Work that takes longer than a request, done by a worker."""

    id = serializers.UUIDField()
    kind = serializers.CharField(help_text="prediction, selfplay, analysis, dataset, ...")
    status = serializers.ChoiceField(JobStatus.choices)
    model = serializers.CharField(allow_null=True, help_text="of a prediction")
    version = serializers.CharField(allow_null=True)
    owner = serializers.CharField(allow_null=True)
    device = serializers.ChoiceField(DEVICES, help_text="as it was asked for")
    queue = serializers.CharField()
    device_used = serializers.CharField(help_text="cpu or cuda, by the queue")
    reason = serializers.CharField(help_text="why it failed, or what it waits for")
    cancel_wished = serializers.BooleanField()
    progress = JobProgress()
    attempts = serializers.IntegerField(help_text="starts since it was queued or retried")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    kept_until = serializers.DateTimeField(allow_null=True, help_text="then job and result go")
    waiting_s = serializers.FloatField(allow_null=True)
    heartbeat_age_s = serializers.FloatField(allow_null=True)
    result = serializers.DictField(
        allow_null=True, help_text="of a job that succeeded, unless it is a file of its own"
    )
    url = serializers.CharField()
    result_url = serializers.CharField(allow_null=True, help_text="once there is a result")


@extend_schema_serializer(
    examples=[OpenApiExample("queued", response_only=True, value={"job_id": JOB_ID, **QUEUED})]
)
class QueuedJob(JobData):
    """A job as it is when it was sent."""

    job_id = serializers.UUIDField(help_text="the same as id")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "two rows",
            response_only=True,
            value={
                "model": "town-L1",
                "version": "1.0.0",
                "artifact_sha256": "9f86d081884c7d65" * 4,
                "engine": "pytorch",
                "rows": 2,
                "outputs": {"q_values": [[0.1, 0.4], [0.3, 0.2]], "actions": [1, 0]},
                "action_names": ["DOWN", "UP"],
            },
        )
    ]
)
class JobResult(serializers.Serializer):
    """The answer: every output with all rows, in the order of the question."""

    model = serializers.CharField()
    version = serializers.CharField()
    artifact_sha256 = serializers.CharField()
    engine = serializers.CharField()
    rows = serializers.IntegerField()
    outputs = serializers.DictField()
    action_names = serializers.ListField(child=serializers.CharField(), required=False)


JOB_BODY = {
    "application/json": {
        "type": "object",
        "required": ["model"],
        "properties": {
            "model": {"type": "string"},
            "version": {"type": "string", "example": "1.0.0"},
            "alias": {"type": "string", "default": "latest"},
            "device": {
                "type": "string",
                "enum": list(DEVICES),
                "default": DEVICES[0],
                "description": "any: a GPU where a worker offers one",
            },
            "inputs": {
                "type": "object",
                "description": "by name, as the signature says, with any number of rows",
                "additionalProperties": True,
            },
        },
        "additionalProperties": {
            "description": "or the system's own form (town: observation, action_mask, ...)"
        },
        "example": {
            "model": "town-L1",
            "alias": "best",
            "device": "any",
            "inputs": {"observation": [[0.0, 0.5], [1.0, 0.5]]},
        },
    }
}
