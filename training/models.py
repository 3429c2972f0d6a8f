"""What training leaves behind: runs, what happened to them, their metrics and episodes."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from registry.models import Artifact, BrainSpec, Classroom, ModelVersion, RegisteredModel
from training.datasets.models import Dataset, DatasetShard
from training.games.models import Game, GameBlock, PositionFinding
from training.incremental.models import LearningOn, QueuedExamples
from training.retraining.models import Night, NightOutcome

__all__ = [
    "ENDED",
    "CurveSummary",
    "Dataset",
    "DatasetShard",
    "EpisodeSummary",
    "Game",
    "GameBlock",
    "LearningOn",
    "MetricPoint",
    "Night",
    "NightOutcome",
    "PositionFinding",
    "QueuedExamples",
    "Replay",
    "Run",
    "RunEvent",
    "RunInput",
    "RunStatus",
    "Wish",
]


class RunStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)


class Wish(models.TextChoices):
    """What a person wants of a running run; its worker sees it within seconds."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


class Run(models.Model):
    """One training run: its spec, who holds it, how far it is.

    `status` is written by lifecycle.py alone. A worker that holds the lease proves it with
    `fencing_token`: every write of a worker names the token it was given, so a worker that was
    thought dead and wakes up late changes nothing.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    system = models.CharField(max_length=32, editable=False)
    level = models.CharField(max_length=100, blank=True, editable=False)
    spec = models.JSONField(editable=False)
    spec_hash = models.CharField(max_length=71, editable=False, db_index=True)
    brain = models.ForeignKey(
        BrainSpec, null=True, on_delete=models.SET_NULL, editable=False, related_name="runs"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, editable=False
    )
    classroom = models.ForeignKey(Classroom, null=True, blank=True, on_delete=models.SET_NULL)
    model = models.ForeignKey(
        RegisteredModel, null=True, on_delete=models.SET_NULL, editable=False, related_name="runs"
    )
    version = models.OneToOneField(
        ModelVersion, null=True, on_delete=models.SET_NULL, editable=False, related_name="run"
    )
    queue = models.CharField(max_length=40, default="training.cpu", editable=False)
    idempotency_key = models.CharField(max_length=100, null=True, editable=False)
    request_hash = models.CharField(max_length=71, editable=False)  # of the body it was asked with

    status = models.CharField(
        max_length=10, choices=RunStatus.choices, default=RunStatus.QUEUED, editable=False
    )
    wish = models.CharField(max_length=10, choices=Wish.choices, default=Wish.RUN, editable=False)
    reason = models.TextField(blank=True, editable=False)  # why it failed, or what it waits for
    done = models.PositiveBigIntegerField(default=0, editable=False)
    total = models.PositiveBigIntegerField(editable=False)
    unit = models.CharField(max_length=20, editable=False)
    latest_metrics = models.JSONField(default=dict, editable=False)  # newest value of each name
    episodes_dropped = models.PositiveBigIntegerField(default=0, editable=False)  # not streamed

    fencing_token = models.PositiveBigIntegerField(default=0, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)  # since the last progress
    lease_holder = models.CharField(max_length=200, blank=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, editable=False)
    queued_at = models.DateTimeField(default=timezone.now, editable=False)

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"],
                name="run_idempotency_key_once",
                condition=~Q(idempotency_key=None),
            ),
            models.CheckConstraint(
                condition=Q(status__in=RunStatus.values), name="run_status_known"
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="runs_newest_first"),
            models.Index(fields=["heartbeat_at"], name="runs_held", condition=Q(status="running")),
            models.Index(fields=["queued_at"], name="runs_waiting", condition=Q(status="queued")),
            models.Index(fields=["classroom", "-created_at"], name="runs_of_a_class"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ended(self) -> bool:
        return self.status in ENDED


class RunEvent(models.Model):
    """Something that happened to a run: a move of its status, or a note worth keeping."""

    class Kind(models.TextChoices):
        STATUS = "status"
        STAGE = "stage"
        LEARNER = "learner"  # what the trainer says of a decision of its own
        NOTE = "note"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.STATUS)
    old_status = models.CharField(max_length=10, blank=True)
    new_status = models.CharField(max_length=10, blank=True)
    at_unit = models.PositiveBigIntegerField(null=True)  # finished units of progress
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    happened_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["run", "-id"], name="events_of_a_run")]

    def __str__(self) -> str:
        return self.text or f"{self.old_status} -> {self.new_status}"


class RunInput(models.Model):
    """A stored file that a run begins from: its dataset, the weights it starts with."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="inputs")
    role = models.CharField(max_length=40)
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "role"], name="run_input_once_per_role")
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.run_id}"


class MetricPoint(models.Model):
    """One number of a chart. Appended by COPY; the key makes work done twice count once."""

    pk = models.CompositePrimaryKey("run_id", "name", "at")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="metrics", db_index=False)
    name = models.CharField(max_length=60)
    at = models.PositiveBigIntegerField()  # finished units of progress
    value = models.FloatField()


class CurveSummary(models.Model):
    """All metrics of an ended run, thinned, so that many runs are compared in a moment.

    Only as good as `ended_at` is the run's own: a run that went on again is summarised again.
    `means` and `counts` are float32 and uint32 of shape [names, buckets]; see training.curves.
    """

    run = models.OneToOneField(
        Run, on_delete=models.CASCADE, primary_key=True, related_name="curve_summary"
    )
    ended_at = models.DateTimeField()
    width = models.PositiveBigIntegerField()  # finished units of progress in one bucket
    names = models.JSONField()
    means = models.BinaryField()
    counts = models.BinaryField()

    def __str__(self) -> str:
        return f"curves of {self.run_id}"


class EpisodeSummary(models.Model):
    """What is remembered of every finished episode."""

    pk = models.CompositePrimaryKey("run_id", "number")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="episodes", db_index=False)
    number = models.PositiveBigIntegerField()
    survival_steps = models.PositiveIntegerField()
    score = models.FloatField()
    stage = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=60)
    summary = models.JSONField()
    ended_at = models.DateTimeField()


class Replay(models.Model):
    """A recorded episode that was worth keeping."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="replays")
    number = models.PositiveBigIntegerField()
    reasons = models.JSONField(default=list)  # why it was kept: "every 100th", "best 5 %"...
    survival_steps = models.PositiveIntegerField()
    score = models.FloatField()
    stage = models.PositiveSmallIntegerField(default=0)
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT)
    ended_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="replay_once_per_episode")
        ]

    def __str__(self) -> str:
        return f"episode {self.number}"
