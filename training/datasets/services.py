"""What a person asks for: build a dataset, bring one as a file, take one along."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hamlet.errors import Problem, SpecError
from registry.artifacts.store import store_file
from registry.jobs import services as jobs
from registry.jobs.models import Job
from registry.models import User
from training.datasets.building import NAME
from training.datasets.models import Dataset
from training.datasets.queries import StoredDataset

MEDIA_TYPES = {"json": "application/x-ndjson", "csv": "text/csv"}


def build_dataset(
    user: User, request: Any, *, idempotency_key: str | None = None
) -> tuple[Job, bool]:
    """Queue the building of a dataset. Args: request: as `building.read` takes it, without `file`.

    Returns: (its job, whether this call made it).
    Raises: SpecError, DatasetNameTakenError, and as `registry.jobs.services.queue_job`.
    """
    if isinstance(request, dict) and (given := {"file", "format"} & set(request)):
        message = "unknown field; files of examples go to POST /api/v1/datasets/import"
        raise SpecError([Problem(name, message) for name in sorted(given)])
    return jobs.queue_job(user, request, kind=NAME, idempotency_key=idempotency_key)


def import_dataset(
    user: User,
    path: Path,
    request: dict[str, Any],
    *,
    idempotency_key: str | None = None,
) -> tuple[Job, bool]:
    """Queue the reading of a file of examples.

    Args: path: taken away if it is taken. request: `name`, `format` (json or csv), and what
        `building.read` takes besides.
    Raises: as `build_dataset`.
    """
    media_type = MEDIA_TYPES.get(str(request.get("format")), "application/octet-stream")
    file = store_file(path, media_type, move=True)
    asked = {**request, "file": file.pk}
    return jobs.queue_job(user, asked, kind=NAME, idempotency_key=idempotency_key)


def export_dataset(dataset: Dataset, form: str) -> Iterator[bytes]:
    """The dataset as lines of JSON or as CSV, piece by piece; importing gives the same again.

    Raises: DatasetNotReadyError at once, ArtifactDamagedError on the way.
    """
    from hamlet.datasets.exporting import export_csv, export_json  # brings torch

    stored = StoredDataset(dataset)
    return export_json(stored) if form == "json" else export_csv(stored)


def name_of(job: Job) -> str:
    """Of the dataset that this job builds; empty if that is gone."""
    return Dataset.objects.filter(job=job).values_list("name", flat=True).first() or ""
