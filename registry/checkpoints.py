"""The rows that name what a run has saved on its way."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from registry.artifacts.models import Artifact
from registry.artifacts.store import discard_unreferenced
from registry.models import Checkpoint

MEDIA_TYPE = "application/vnd.safetensors"


def record_checkpoint(
    run_id: uuid.UUID,
    kind: str,
    at: int,
    artifact: Artifact,
    metadata: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Name a stored file as what the run is at this moment.

    Work done twice after a crash saves the same moment again: the newer file takes the place
    of the older, which is what the run goes on from.

    Args:
        at: finished units of progress.
    """
    moment = {"run_id": run_id, "kind": Checkpoint.Kind(kind), "at": at}
    values = {"artifact": artifact, "metadata": dict(metadata or {})}
    with transaction.atomic():
        older = Checkpoint.objects.filter(**moment).values_list("artifact_id", flat=True).first()
        checkpoint, _ = Checkpoint.objects.update_or_create(**moment, defaults=values)
        if older is not None and older != artifact.pk:
            discard_unreferenced([older])
    return checkpoint


def drop_checkpoints(checkpoints: list[Checkpoint]) -> None:
    """Remove rows, and the files that nothing else uses."""
    digests = {checkpoint.artifact_id for checkpoint in checkpoints}
    Checkpoint.objects.filter(pk__in=[checkpoint.pk for checkpoint in checkpoints]).delete()
    discard_unreferenced(sorted(digests))
