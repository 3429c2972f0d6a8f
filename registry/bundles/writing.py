"""Write models into one file. The same models give the same bytes, whoever writes them when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.db import transaction

from registry.aliases.services import lock
from registry.artifacts.errors import ArtifactDamagedError
from registry.artifacts.store import open_verified
from registry.bundles import archive
from registry.bundles.describing import Chosen, describe_bundle
from registry.bundles.errors import BundleConflictError, BundleError
from registry.bundles.manifest import write_manifest
from registry.models import Artifact, ModelVersion, RegisteredModel


def write_bundle(
    chosen: list[RegisteredModel | ModelVersion],
    path: Path,
    on_written: Callable[[int], None] = lambda size_bytes: None,
) -> dict[str, Any]:
    """Write a bundle: whole models with their aliases, or single versions without.

    Args:
        path: must not exist yet. on_written: told how many bytes were written.
    Returns: the manifest. Raises: ArtifactDamagedError, before which nothing is at `path`;
        BundleError for nothing to write; BundleTooLargeError; OSError.
    """
    manifest, artifacts = describe(chosen)
    try:
        archive.write(path, write_manifest(manifest), _open_all(artifacts), on_written)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return manifest


def describe(
    chosen: list[RegisteredModel | ModelVersion],
) -> tuple[dict[str, Any], list[Artifact]]:
    """Everything as it is at one moment: no alias moves meanwhile."""
    if not chosen:
        raise BundleError("nothing was chosen; name at least one model or version")
    by_model = _by_model(chosen)
    with transaction.atomic():
        # Numbers and aliases change under this lock alone. In one order, or two would wait for
        # each other.
        for model in sorted(by_model, key=lambda model: model.pk):
            lock(model)
        return describe_bundle(by_model)


def _by_model(chosen: list[RegisteredModel | ModelVersion]) -> Chosen:
    found: Chosen = {}
    for thing in chosen:
        if isinstance(thing, RegisteredModel):
            found[thing] = None
        elif found.get(thing.model, ()) is not None:
            found[thing.model] = [*(found.get(thing.model) or ()), thing]
    return found


def _open_all(artifacts: list[Artifact]) -> Iterator[tuple[str, int, BinaryIO]]:
    for artifact in artifacts:
        try:
            file = open_verified(artifact)
        except ArtifactDamagedError:
            if Artifact.objects.filter(pk=artifact.pk).exists():
                raise
            message = "A version was deleted for good while it was packed. Export again."
            raise BundleConflictError(message) from None
        with file:
            yield artifact.pk, artifact.size_bytes, file
