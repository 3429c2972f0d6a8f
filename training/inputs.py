"""The stored files that a run begins from: named in its spec by sha256, protected by rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from hamlet.learning.trainer import Files
from registry.artifacts.errors import ArtifactDamagedError
from registry.artifacts.store import artifact_path
from registry.models import Artifact
from training.errors import RunFailedError
from training.models import Run, RunInput
from training.reconnecting import persistently


def protect(run: Run, files: Mapping[str, str]) -> None:
    """Keep the files of a run as long as its row stands, inside the caller's transaction.

    Args: files: sha256 by role; each must be stored.
    """
    RunInput.objects.bulk_create(
        RunInput(run=run, role=role, artifact_id=digest) for role, digest in files.items()
    )


def inputs_of(run: Run) -> dict[str, str]:
    """sha256 by role."""
    return dict(run.inputs.order_by("role").values_list("role", "artifact_id"))


def files_of(run: Run) -> Files | None:
    """What gives a trainer the files of its run; None for a run without any."""
    rows = run.inputs.select_related("artifact")
    stored = {row.artifact_id: row.artifact for row in persistently(lambda: list(rows.all()))}
    return partial(find, stored) if stored else None


def find(stored: Mapping[str, Artifact], digest: str) -> Path:
    """Raises: RunFailedError if the file is not one of the run's, or damaged."""
    artifact = stored.get(digest)
    if artifact is None:
        raise RunFailedError(
            f"This run needs the file {digest[:12]}…, which is not kept with it. Start a new run "
            "from its dataset."
        )
    try:
        return artifact_path(artifact, verify=True)
    except ArtifactDamagedError as error:
        raise RunFailedError(f"A file that this run begins from is lost: {error}") from error
