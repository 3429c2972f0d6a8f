"""The files a run saves on its way, and which of them are kept."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import transaction

from registry.artifacts.models import Artifact
from registry.artifacts.store import discard_unreferenced, store_file
from registry.models import Checkpoint

MEDIA_TYPE = "application/vnd.safetensors"


def store_checkpoint(
    run_id: uuid.UUID,
    kind: str,
    at: int,
    path: Path | str | bytes,
    metadata: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Keep a checkpoint file: the file first, then the row.

    Work done twice after a crash saves the same moment again: the newer file takes the place
    of the older, which is what the run goes on from.

    Args:
        at: finished units of progress.
    """
    artifact = store_file(path, MEDIA_TYPE)
    return record_checkpoint(run_id, kind, at, artifact, metadata)


def record_checkpoint(
    run_id: uuid.UUID,
    kind: str,
    at: int,
    artifact: Artifact,
    metadata: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """The row alone, for a caller that has stored the file and writes other rows beside it."""
    moment = {"run_id": run_id, "kind": Checkpoint.Kind(kind), "at": at}
    values = {"artifact": artifact, "metadata": dict(metadata or {})}
    with transaction.atomic():
        older = Checkpoint.objects.filter(**moment).values_list("artifact_id", flat=True).first()
        checkpoint, _ = Checkpoint.objects.update_or_create(**moment, defaults=values)
        if older is not None and older != artifact.pk:
            discard_unreferenced([older])
    return checkpoint


def latest_checkpoint(run_id: uuid.UUID, kind: str) -> Checkpoint | None:
    """The one furthest on, or None if the run has saved none."""
    return (
        Checkpoint.objects.filter(run_id=run_id, kind=Checkpoint.Kind(kind))
        .select_related("artifact")
        .order_by("-at", "-pk")
        .first()
    )


def apply_retention(
    run_id: uuid.UUID, keep_training: int = 2, keep_inference_every: int | None = None
) -> int:
    """Drop checkpoints that nobody will ask for, and their files.

    Kept: the newest `keep_training` training checkpoints (two, so that a damaged last one is no
    loss of the run), the newest inference checkpoint, and every inference checkpoint, or with
    `keep_inference_every` those at a multiple of it. A file that a version uses always stays.

    Returns: how many checkpoints were dropped.
    """
    if keep_training < 1:
        raise ValueError("keep at least one training checkpoint, or the run cannot go on")
    training = Checkpoint.objects.filter(run_id=run_id, kind=Checkpoint.Kind.TRAINING)
    dropped = list(training.order_by("-at", "-pk")[keep_training:])
    if keep_inference_every:
        inference = Checkpoint.objects.filter(run_id=run_id, kind=Checkpoint.Kind.INFERENCE)
        dropped += [
            checkpoint
            for checkpoint in inference.order_by("-at", "-pk")[1:]
            if checkpoint.at % keep_inference_every
        ]
    return drop_checkpoints(dropped)


def drop_checkpoints(checkpoints: list[Checkpoint]) -> int:
    digests = {checkpoint.artifact_id for checkpoint in checkpoints}
    Checkpoint.objects.filter(pk__in=[checkpoint.pk for checkpoint in checkpoints]).delete()
    discard_unreferenced(sorted(digests))
    return len(checkpoints)
