"""How a job of training looks on the API."""

from __future__ import annotations

from drf_spectacular.utils import (
    OpenApiExample,
    PolymorphicProxySerializer,
    extend_schema_serializer,
)
from rest_framework import serializers

from training.serializers import RunDetail
from training.train_jobs.queries import JOB_STATUSES

PROGRESS = "share of its epochs that are done, 0 to 1"
EPOCHS = "finished; an epoch is one unit of the run's progress"
METRICS = "newest value of each"
MODEL_TYPE = "what learns, by its name in the config or the brain spec"


WAITING = {
    "model": "dropper",
    "base_version": None,
    "accepted": 200,
    "queued": 640,
    "needed": 360,
    "learning_url": "/api/v1/models/dropper/learning",
}


@extend_schema_serializer(examples=[OpenApiExample("they wait", response_only=True, value=WAITING)])
class AcceptedExamples(serializers.Serializer):
    """Examples that were kept until there are enough of them."""

    model = serializers.CharField()
    base_version = serializers.CharField(
        allow_null=True,
        help_text="to go on from; null: the one that is in service when the run starts",
    )
    accepted = serializers.IntegerField(help_text="examples of this request")
    queued = serializers.IntegerField(help_text="examples that wait now")
    needed = serializers.IntegerField(help_text="more of them until a run starts")
    learning_url = serializers.CharField(help_text="what waits, and how the model learns on")


class QueuedRun(RunDetail):
    """A run as `train` answers it: everything about the run, and how far the job is."""

    job_id = serializers.UUIDField(help_text="the run's id; see GET train/{job_id}")
    progress = serializers.FloatField(help_text=PROGRESS)
    current_epoch = serializers.IntegerField(help_text=EPOCHS)
    total_epochs = serializers.IntegerField()
    model_type = serializers.CharField(allow_null=True, help_text=MODEL_TYPE)
    examples = AcceptedExamples(
        required=False, help_text="of an incremental request whose examples started this run"
    )


TRAIN_ANSWER = PolymorphicProxySerializer(
    component_name="TrainAnswer",
    serializers=[QueuedRun, AcceptedExamples],
    resource_type_field_name=None,
)


class TrainJob(serializers.Serializer):
    """A job of training: how far it is, and what came of it."""

    job_id = serializers.UUIDField()
    status = serializers.ChoiceField(
        JOB_STATUSES, help_text="a queued and a paused run are pending; reason says which"
    )
    reason = serializers.CharField(help_text="why it failed, or what it waits for; may be empty")
    progress = serializers.FloatField(help_text=PROGRESS)
    current_epoch = serializers.IntegerField(help_text=EPOCHS)
    total_epochs = serializers.IntegerField()
    metrics = serializers.DictField(child=serializers.FloatField(), help_text=METRICS)
    model_type = serializers.CharField(allow_null=True, help_text=MODEL_TYPE)
    error = serializers.CharField(allow_null=True, help_text="why it failed")
    model = serializers.CharField(allow_null=True)
    model_version = serializers.CharField(
        allow_null=True, help_text="number of the version that it made, once it is completed"
    )
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    eta_s = serializers.FloatField(
        allow_null=True, help_text="seconds left at its pace; null where that is not known"
    )
    url = serializers.CharField()
    run_url = serializers.CharField(help_text="its spec, its events, and where it is steered")
    download_url = serializers.CharField(allow_null=True, help_text="once it is completed")
