"""What a person asks of bundles: take models along, and bring them here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.db import transaction

from registry.accounts.models import Classroom, User
from registry.accounts.roles import is_instructor, teaches
from registry.audit import actions
from registry.audit.services import record
from registry.bundles import reading, writing
from registry.bundles.restoring import Imported
from registry.errors import NotChangeableError
from registry.models import ModelVersion, RegisteredModel

OnBytes = Callable[[int], None]


def export_bundle(
    chosen: list[RegisteredModel | ModelVersion],
    path: Path,
    user: User | None = None,
    on_written: OnBytes = lambda size_bytes: None,
) -> dict[str, Any]:
    """Write models or single versions into one file, and note who took them.

    Whoever asks has chosen among what this user may see. Returns: the manifest.
    Raises: as `writing.write_bundle`.
    """
    manifest = writing.write_bundle(chosen, path, on_written)
    models = {thing.model if isinstance(thing, ModelVersion) else thing for thing in chosen}
    by_name = {model["name"]: model for model in manifest["models"]}
    with transaction.atomic():
        for model in sorted(models, key=lambda model: model.name):
            versions = [version["number"] for version in by_name[model.name]["versions"]]
            record(
                actions.BUNDLE_EXPORTED,
                actor=user,
                kind="model",
                subject=model.name,
                classroom_id=model.classroom_id,
                details={"whole": by_name[model.name]["whole"], "versions": versions},
            )
    return manifest


def import_bundle(
    path: Path,
    *,
    user: User | None = None,
    classroom: Classroom | None = None,
    rename: Mapping[str, str] | None = None,
    on_read: OnBytes = lambda size_bytes: None,
) -> Imported:
    """Restore what a bundle holds, owned by `user` and shown to the class.

    Raises: NotChangeableError if `user` does not teach the class or is no instructor; else as
        `reading.read_bundle`.
    """
    if user is not None and not is_instructor(user):
        raise NotChangeableError("Instructors and admins import bundles.")
    if user is not None and classroom is not None and not teaches(user, classroom.pk):
        raise NotChangeableError(f"You do not teach {classroom}. Choose a class that you teach.")
    return reading.read_bundle(path, user=user, classroom=classroom, rename=rename, on_read=on_read)
