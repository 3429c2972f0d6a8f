"""Deleting for good: what was shown, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from hamlet.schema import canonical_json
from registry.accounts.models import User
from registry.aliases.services import lock, settle_latest
from registry.artifacts.store import discard_unreferenced
from registry.audit import actions
from registry.audit.services import record
from registry.deleting.errors import DeletionBlockedError, StalePreviewError
from registry.deleting.queries import Preview, Subject, preview
from registry.errors import NotChangeableError
from registry.models import AliasMove, ModelVersion, RegisteredModel
from registry.names import subject_of
from registry.queries import may_change_model


def delete_version(
    version: ModelVersion, *, token: str, user: User | None = None, reason: str = ""
) -> Preview:
    """Delete a version, its file and all that hangs on it. `latest` moves to another.

    Args:
        token: of the preview that was shown. reason: for the audit log.
    Returns: what went. Raises: NotChangeableError; StalePreviewError if something else would go
        than was shown; DeletionBlockedError saying what stands in the way.
    """
    with transaction.atomic():
        model = lock(version.model)
        found = check(version, token, user)
        settle_latest(model, version, user)
        note(actions.VERSION_DELETED, version, user, found, {"reason": reason})
        with deletions_allowed():
            forget([version])
            version.delete()
        discard_unreferenced(found.files)
    return found


def delete_model(
    model: RegisteredModel, *, token: str, user: User | None = None, reason: str = ""
) -> Preview:
    """Delete a model with all its versions, aliases and their history.

    The audit log keeps what happened to them. Args, Returns, Raises: as `delete_version`.
    """
    with transaction.atomic():
        locked = lock(model)
        found = check(locked, token, user)
        versions = list(locked.versions.select_related("model"))
        files = {version.number: version.artifact_id for version in versions}
        # Before the model goes: webhooks find its owner by its name.
        for version in versions:
            note(actions.VERSION_DELETED, version, user, found, {"reason": reason})
        record(
            actions.MODEL_DELETED,
            actor=user,
            kind="model",
            subject=locked.name,
            classroom_id=locked.classroom_id,
            details={"versions": files, "reason": reason},
        )
        with deletions_allowed():
            locked.aliases.all().delete()
            locked.alias_moves.all().delete()
            forget(versions)
            locked.versions.all().delete()
            locked.delete()
        discard_unreferenced(found.files)
    return found


def check(subject: Subject, token: str, user: User | None) -> Preview:
    """Under the lock of the model. Returns: the preview, as it is now."""
    model = subject.model if isinstance(subject, ModelVersion) else subject
    if user is not None and not may_change_model(user, model):
        raise NotChangeableError(
            f"You may look at {model.name} but delete nothing of it. Its owner and the "
            "instructors of its class may."
        )
    found = preview(subject)
    if found.blockers:
        raise DeletionBlockedError(f"{found.name} stays. " + " ".join(found.blockers))
    if token != found.token:
        raise StalePreviewError(
            f"What would go with {found.name} is not what was shown. Look at the preview again, "
            "and delete with its token."
        )
    return found


@contextmanager
def deletions_allowed() -> Iterator[None]:
    """Let the triggers of the database pass what they else refuse; inside a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL hamlet.deleting = 'on'")
    yield
    # After an error the transaction is rolled back, and the setting with it.
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL hamlet.deleting = 'off'")


def forget(versions: list[ModelVersion]) -> None:
    """What stays lets go: children of their parent, the history of its rows but not its numbers."""
    ModelVersion.objects.filter(parent__in=versions).update(parent=None)
    AliasMove.objects.filter(old_version__in=versions).update(old_version=None)
    AliasMove.objects.filter(new_version__in=versions).update(new_version=None)


def note(
    action: str,
    version: ModelVersion,
    user: User | None,
    found: Preview,
    details: dict[str, Any],
) -> None:
    lineage = hashlib.sha256(canonical_json(version.lineage).encode()).hexdigest()
    record(
        action,
        actor=user,
        kind="version",
        subject=subject_of(version),
        classroom_id=version.model.classroom_id,
        details={
            "number": version.number,
            "artifact_sha256": version.artifact_id,
            "lineage_sha256": lineage,
            "run_id": str(version.run_id) if version.run_id else None,
            "files_removed": found.files if found.kind == "version" else [],
            **details,
        },
    )
