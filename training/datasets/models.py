"""Datasets: what they were built from, which files hold them, what is in them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from registry.jobs.models import JobStatus
from registry.models import Artifact, Classroom, Job
from training.games.models import CONNECT_FOUR

READY = "ready"


class Dataset(models.Model):
    """Examples to learn from. Its job builds it; once it is ready it never changes.

    A database trigger refuses every change of a dataset that has a manifest.
    """

    name = models.SlugField(max_length=100, unique=True, editable=False)
    system = models.CharField(max_length=32, default=CONNECT_FOUR, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    classroom = models.ForeignKey(Classroom, null=True, on_delete=models.SET_NULL)
    description = models.TextField(blank=True, editable=False)
    options = models.JSONField(default=dict, editable=False)
    seed = models.BigIntegerField(default=0, editable=False)
    job = models.OneToOneField(
        Job, null=True, on_delete=models.SET_NULL, related_name="dataset", editable=False
    )
    manifest = models.ForeignKey(
        Artifact, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    manifest_hash = models.CharField(max_length=71, blank=True, editable=False)
    statistics = models.JSONField(null=True, editable=False)
    filters = models.JSONField(null=True, editable=False)  # how much each one removed
    sources = models.JSONField(null=True, editable=False)  # how many games and loose examples
    examples_count = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ready_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        app_label = "training"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["-created_at", "-id"], name="datasets_newest_first")]
        constraints = [
            models.CheckConstraint(
                condition=Q(manifest=None) | ~Q(manifest_hash=""), name="dataset_ready_has_hash"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("live:dataset", args=[self.name])

    @property
    def ready(self) -> bool:
        return self.manifest_id is not None

    @property
    def status(self) -> str:
        """`ready`, or how its job stands; a job that is forgotten has failed."""
        if self.ready:
            return READY
        return self.job.status if self.job else JobStatus.FAILED


class DatasetShard(models.Model):
    """One file of examples of a dataset, in their order."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="shards")
    position = models.PositiveIntegerField()
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="+")
    rows = models.PositiveIntegerField()

    class Meta:
        app_label = "training"
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "position"], name="shard_once_per_position")
        ]

    def __str__(self) -> str:
        return f"{self.dataset} {self.position}"
