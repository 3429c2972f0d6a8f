"""Files for other engines, made from a version."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from registry.artifacts.models import Artifact


class ExportFormat(models.TextChoices):
    ONNX = "onnx", "ONNX"
    TORCHSCRIPT = "torchscript", "TorchScript"


class Export(models.Model):
    """A version in another engine's form, and how far its answers are from the original's."""

    version = models.ForeignKey(
        "registry.ModelVersion", on_delete=models.CASCADE, related_name="exports", editable=False
    )
    format = models.CharField(max_length=12, choices=ExportFormat.choices, editable=False)
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, editable=False)
    parity_relative = models.FloatField(editable=False)  # largest relative difference found
    report = models.JSONField(default=dict, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        app_label = "registry"
        ordering = ["version", "format"]
        constraints = [
            models.UniqueConstraint(fields=["version", "format"], name="export_once_per_format")
        ]

    def __str__(self) -> str:
        return f"{self.version} as {self.get_format_display()}"
