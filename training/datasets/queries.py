"""Reads about datasets. Who may see what is the queryset that everything starts from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.urls import reverse

from registry.accounts.models import User
from registry.accounts.queries import owned_or_shared
from registry.accounts.roles import is_admin
from registry.artifacts.store import open_artifact
from training.datasets.errors import DatasetNotReadyError
from training.datasets.models import Dataset

if TYPE_CHECKING:
    import numpy as np

    from hamlet.datasets.manifest import Manifest

NEWEST_FIRST = ("-created_at", "-id")


def visible_datasets(user: User | AnonymousUser) -> QuerySet[Dataset]:
    """One's own, and those of the classes one is in; all of them for admins."""
    datasets = Dataset.objects.select_related("owner", "classroom", "job")
    if is_admin(user):
        return datasets
    if not user.is_authenticated:
        return datasets.none()
    return datasets.filter(owned_or_shared(user))


def dataset_summary(dataset: Dataset) -> dict[str, Any]:
    """A row of a list, as plain data."""
    job = dataset.job
    return {
        "name": dataset.name,
        "system": dataset.system,
        "status": dataset.status,
        "reason": job.reason if job and not dataset.ready else "",
        "description": dataset.description,
        "owner": dataset.owner.username if dataset.owner else None,
        "classroom": dataset.classroom.name if dataset.classroom else None,
        "total_examples": dataset.examples_count,
        "manifest_hash": dataset.manifest_hash or None,
        "created_at": dataset.created_at.isoformat(),
        "ready_at": dataset.ready_at.isoformat() if dataset.ready_at else None,
        "job_id": str(job.pk) if job else None,
        "url": reverse("api-dataset", args=[dataset.name]),
        "export_url": reverse("api-dataset-export", args=[dataset.name]) if dataset.ready else None,
    }


def dataset_data(dataset: Dataset) -> dict[str, Any]:
    """All that is known of a dataset, but for its examples."""
    shards = dataset.shards.select_related("artifact")
    return {
        **dataset_summary(dataset),
        "options": dataset.options,
        "seed": dataset.seed,
        "sources": dataset.sources,
        "filters": dataset.filters,
        "statistics": dataset.statistics,
        "shards": [
            {"sha256": s.artifact_id, "rows": s.rows, "bytes": s.artifact.size_bytes}
            for s in shards
        ],
    }


class StoredDataset:
    """A ready dataset, as `hamlet.datasets.stored` reads one, out of the artifact store.

    `load_examples`, `export_json` and `export_csv` of the library take it.
    """

    def __init__(self, dataset: Dataset) -> None:
        """Raises: DatasetNotReadyError; ArtifactDamagedError, DatasetError."""
        from hamlet.datasets.manifest import read_manifest  # brings torch
        from hamlet.json_documents import read_json

        if not dataset.ready:
            raise DatasetNotReadyError(not_ready(dataset))
        self.dataset = dataset
        self.manifest: Manifest = read_manifest(read_json(open_artifact(dataset.manifest)))

    def shards(self) -> Iterator[tuple[np.ndarray, list[str]]]:
        """The rows of each shard and the game ids they refer to, one file in memory at a time.

        Raises: ArtifactDamagedError, DatasetError.
        """
        from hamlet.datasets.stored import checked_shard

        kept = self.dataset.shards.select_related("artifact").order_by("position")
        for row, shard in zip(kept, self.manifest.shards, strict=True):
            yield checked_shard(open_artifact(row.artifact), shard)


def files_of(dataset: Dataset) -> list[str]:
    """sha256 of the manifest and of every shard, for whatever has to keep them."""
    shards = dataset.shards.order_by("position").values_list("artifact_id", flat=True)
    return [dataset.manifest_id, *shards]


def not_ready(dataset: Dataset) -> str:
    reason = dataset.job.reason if dataset.job else "its job is forgotten"
    why = f" ({reason})" if reason else ""
    return (
        f"The dataset {dataset.name} is not ready: {dataset.status}{why}. Look at "
        f"{reverse('api-dataset', args=[dataset.name])} again, or build another one."
    )
