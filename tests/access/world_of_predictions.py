"""A row of the log of predictions, which no page or API makes without a model that answers."""

from __future__ import annotations

from django.utils import timezone

from registry.accounts.models import User
from registry.models import ModelVersion, Prediction
from registry.serving.log.partitions import ensure_partition

ASKED_ONCE = "asked-once"


def note(user: User, version: ModelVersion) -> None:
    """A row of the log: what this user asked that version once."""
    asked_at = timezone.now()
    ensure_partition(asked_at.date())
    Prediction.objects.create(
        asked_at=asked_at,
        id=1,
        request_id=ASKED_ONCE,
        api=Prediction.Api.PREDICT,
        model=version.model,
        version=version,
        user=user,
        model_name=version.model.name,
        version_number=version.number,
        artifact_sha256=version.artifact_id,
        engine="pytorch",
        status=200,
        **dict.fromkeys(("rows", "batch_rows"), 1),
        **dict.fromkeys(("parse_ms", "queue_ms", "run_ms", "total_ms"), 0.1),
    )
