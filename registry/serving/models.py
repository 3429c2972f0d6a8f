"""What was asked, who answered and how long it took: the log of predictions."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Prediction(models.Model):
    """One question to one version; a question to an ensemble has one row for each member.

    The table is partitioned by the day of `asked_at` and only ever appended to. Its foreign keys
    are not enforced, so that writing costs no look-up and a log outlives what it tells of: number,
    name and hash of the version stay when the version is deleted for good.
    """

    class Api(models.TextChoices):
        PREDICT = "predict"
        ENSEMBLE = "ensemble"
        V2 = "v2", "Open Inference Protocol v2"

    pk = models.CompositePrimaryKey("asked_at", "id")
    asked_at = models.DateTimeField(editable=False)
    id = models.BigIntegerField(editable=False)  # tells rows of one moment apart
    request_id = models.CharField(max_length=64, editable=False)
    api = models.CharField(max_length=10, choices=Api.choices, editable=False)
    model = models.ForeignKey(
        "registry.RegisteredModel",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        editable=False,
    )
    version = models.ForeignKey(
        "registry.ModelVersion",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        editable=False,
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        editable=False,
    )
    token = models.ForeignKey(
        "registry.ApiToken",
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        editable=False,
    )
    model_name = models.CharField(max_length=100, editable=False)
    version_number = models.CharField(max_length=32, editable=False)
    artifact_sha256 = models.CharField(max_length=64, editable=False)
    engine = models.CharField(max_length=20, editable=False)
    status = models.PositiveSmallIntegerField(editable=False)  # as the reply's
    problem = models.TextField(blank=True, editable=False)  # why it was refused
    rows = models.PositiveIntegerField(editable=False)
    batch_rows = models.PositiveIntegerField(editable=False)  # in the run that answered
    parse_ms = models.FloatField(editable=False)
    queue_ms = models.FloatField(editable=False)
    run_ms = models.FloatField(editable=False)
    total_ms = models.FloatField(editable=False)
    inputs = models.JSONField(null=True, editable=False)
    outputs = models.JSONField(null=True, editable=False)

    class Meta:
        app_label = "registry"
        ordering = ["-asked_at", "-id"]
        indexes = [
            models.Index(fields=["request_id"], name="prediction_of_request"),
            models.Index(fields=["model", "-asked_at", "-id"], name="predictions_of_model"),
            models.Index(fields=["version", "-asked_at", "-id"], name="predictions_of_version"),
            models.Index(fields=["user", "-asked_at", "-id"], name="predictions_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} by {self.model_name} {self.version_number}"
