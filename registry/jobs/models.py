"""Work that takes longer than a request: kept until a worker has done it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from registry.accounts.models import Classroom
from registry.artifacts.models import Artifact


class JobStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


class Job(models.Model):
    """One piece of work of a kind that `registry.jobs.kinds` knows.

    `status` is written by lifecycle.py alone. A worker that holds the lease proves it with
    `fencing_token`, as with runs. What is asked stands in `request`, in `question`, or in both;
    `state` is what the next worker goes on from.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, editable=False
    )
    classroom = models.ForeignKey(
        Classroom, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    kind = models.CharField(max_length=20, default="prediction", editable=False)
    version = models.ForeignKey(
        "registry.ModelVersion",
        null=True,
        on_delete=models.CASCADE,
        related_name="jobs",
        editable=False,
    )
    device = models.CharField(max_length=20, default="cpu", editable=False)
    queue = models.CharField(max_length=40, editable=False)
    request = models.JSONField(default=dict, editable=False)
    question = models.ForeignKey(
        Artifact, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    state = models.JSONField(null=True, editable=False)
    result = models.JSONField(null=True, editable=False)
    answer = models.ForeignKey(
        Artifact, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    request_hash = models.CharField(max_length=71, editable=False)
    idempotency_key = models.CharField(max_length=100, null=True, editable=False)

    status = models.CharField(
        max_length=10, choices=JobStatus.choices, default=JobStatus.QUEUED, editable=False
    )
    cancel_wished = models.BooleanField(default=False, editable=False)
    reason = models.TextField(blank=True, editable=False)  # why it failed, or what it waits for
    done = models.PositiveBigIntegerField(default=0, editable=False)
    total = models.PositiveBigIntegerField(null=True, editable=False)  # null: not known yet

    fencing_token = models.PositiveBigIntegerField(default=0, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    lease_holder = models.CharField(max_length=200, blank=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, editable=False)
    queued_at = models.DateTimeField(default=timezone.now, editable=False)

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    kept_until = models.DateTimeField(null=True, editable=False)  # then row and answer go

    class Meta:
        app_label = "registry"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"],
                name="job_idempotency_key_once",
                condition=~Q(idempotency_key=None),
            ),
            models.CheckConstraint(
                condition=Q(status__in=JobStatus.values), name="job_status_known"
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at", "-id"], name="jobs_of_an_owner"),
            models.Index(fields=["-created_at", "-id"], name="jobs_newest_first"),
            models.Index(fields=["heartbeat_at"], name="jobs_held", condition=Q(status="running")),
            models.Index(fields=["queued_at"], name="jobs_waiting", condition=Q(status="queued")),
            models.Index(fields=["kept_until"], name="jobs_to_forget"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def ended(self) -> bool:
        return self.status in ENDED
