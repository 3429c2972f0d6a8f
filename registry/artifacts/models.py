"""Which files the artifact store holds."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Artifact(models.Model):
    """One file, named by the sha256 of its bytes, written before this row and never changed."""

    sha256 = models.CharField(max_length=64, primary_key=True, editable=False)
    size_bytes = models.BigIntegerField(editable=False)
    media_type = models.CharField(max_length=100, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        app_label = "registry"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sha256__regex=r"^[0-9a-f]{64}$"), name="artifact_sha256_hex"
            )
        ]

    def __str__(self) -> str:
        return self.sha256[:12]
