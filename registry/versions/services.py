"""What a person or a finished run asks of versions: register, check, describe, put away.

Networks need torch, which takes more than a second to import. It is imported where a network is
looked into: most processes and commands never do that.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models.functions import Now

from hamlet.errors import CheckpointError
from registry.accounts.models import User
from registry.aliases.services import lock, move_latest, settle_latest
from registry.artifacts.models import Artifact
from registry.artifacts.store import open_artifact
from registry.audit import actions
from registry.audit.services import record
from registry.errors import ConflictError, NotChangeableError
from registry.models import ModelVersion, RegisteredModel
from registry.names import LATEST, subject_of
from registry.queries import may_change_model
from registry.tags import check_description, check_tags
from registry.versions import lifecycle, tasks
from registry.versions.models import VersionCard, VersionCheck, VersionStatus
from registry.versions.numbering import take_number
from registry.versions.sealing import seal_of

if TYPE_CHECKING:
    from hamlet.signature import Signature

# What people move a version to; `deployed` is the alias `production`'s, `validated` a check's.
BY_HAND = (VersionStatus.STAGED, VersionStatus.VALIDATED, VersionStatus.ARCHIVED)


def register_version(
    *,
    model: RegisteredModel,
    artifact: Artifact,
    run_id: uuid.UUID | None = None,
    lineage: Mapping[str, Any] | None = None,
    metrics: Mapping[str, float] | None = None,
    user: User | None = None,
    parameters: Mapping[str, Any] | None = None,
    parent: ModelVersion | None = None,
    signature: Signature | None = None,
    file_format: str = ModelVersion.Format.HAMLET,
    part: str | None = None,
    description: str = "",
    tags: Mapping[str, str] | None = None,
) -> ModelVersion:
    """Make a file a version of a model, move `latest` to it and have it checked.

    A run that is finished twice registers once: the version it has in the model is returned. The
    number rises by what changed since the newest version (numbering.py).

    Args:
        parameters: what was chosen for its making; without them, those of the run's spec.
        parent: the version whose weights the training began with.
        signature: of the file, where somebody has looked into it; without it, the file must be
            an inference checkpoint, which is read here.
        part: of the number, if a higher one than what changed is to rise.
    Raises: CheckpointError unless the file is an inference checkpoint; ArtifactDamagedError;
        NotChangeableError if `user` may not change the model; SpecError for bad tags or a part
        that is too low.
    """
    check_may_change(user, model, "register versions of it")
    card = {"tags": check_tags(tags or {}), "description": check_description(description)}
    if version := version_of_run(model, run_id):
        return version
    data = (signature or read_signature(artifact)).to_data()
    with transaction.atomic():
        locked = lock(model)
        if version := version_of_run(model, run_id):
            return version
        major, minor, patch = take_number(locked, data, brain_hash(data), part)
        version = ModelVersion.objects.create(
            model=locked,
            major=major,
            minor=minor,
            patch=patch,
            artifact=artifact,
            format=file_format,
            signature=data,
            brain_spec_hash=brain_hash(data),
            layout_hash=layout_hash(data),
            run_id=run_id,
            parent=parent,
            lineage=dict(lineage or {}),
            parameters=dict(parameters if parameters is not None else chosen(lineage)),
            metrics=dict(metrics or {}),
            registered_by=user,
        )
        VersionCard.objects.create(version=version, **card)
        check = VersionCheck.objects.create(version=version, asked_by=user)
        move_latest(locked, version, user)
        note_registration(version, user)
        transaction.on_commit(partial(tasks.start_check, check.pk), robust=True)
    return version


def version_of_run(model: RegisteredModel, run_id: uuid.UUID | None) -> ModelVersion | None:
    return model.versions.filter(run_id=run_id).first() if run_id else None


def note_registration(version: ModelVersion, user: User | None) -> None:
    details = {
        "artifact_sha256": version.artifact_id,
        "run_id": str(version.run_id) if version.run_id else None,
        "parent": version.parent.number if version.parent else None,
        "seal": seal_of(version),
    }
    note(actions.VERSION_REGISTERED, version, user, details)


def chosen(lineage: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a person chose for a run, from its spec."""
    spec = (lineage or {}).get("run_spec")
    if not isinstance(spec, Mapping):
        return {}
    content = spec.get("content")
    head = {"seed": spec.get("seed"), "budget": spec.get("budget")}
    return head | (dict(content) if isinstance(content, Mapping) else {})


def read_signature(artifact: Artifact) -> Signature:
    """What the checkpoint says it takes and gives.

    Raises: CheckpointError, also for a training checkpoint; ArtifactDamagedError.
    """
    from hamlet.checkpoint import INFERENCE, read_checkpoint
    from hamlet.model import HamletModel

    content = open_artifact(artifact)
    kind = read_checkpoint(content).format_version
    if kind != INFERENCE:
        raise CheckpointError(
            f"found a {kind} file; expected an inference checkpoint. Save one with "
            "hamlet.checkpoint.save_inference and register that"
        )
    return HamletModel.load_from_checkpoint(content).signature()


def brain_hash(signature: Mapping[str, Any]) -> str:
    return signature["hashes"].get("brain_spec", "")


def layout_hash(signature: Mapping[str, Any]) -> str:
    # A model without an observation layout is known by the shapes it takes and gives.
    from hamlet.signature import Signature

    return signature["hashes"].get("layout") or Signature.from_data(signature).hash


def ask_check(version: ModelVersion, user: User | None = None) -> VersionCheck:
    """Have a version checked once more. One that waits already is enough.

    Raises: NotChangeableError; ConflictError for an archived version.
    """
    check_may_change(user, version.model, "check its versions")
    with transaction.atomic():
        lock(version.model)
        if lifecycle.status_of(version) == VersionStatus.ARCHIVED:
            raise ConflictError(f"{version} is archived. Take it out first, then check it.")
        check = version.checks.filter(ended_at=None).first()
        if check is None:
            check = VersionCheck.objects.create(version=version, asked_by=user, asked_at=Now())
        transaction.on_commit(partial(tasks.start_check, check.pk), robust=True)
    check.refresh_from_db()
    return check


def set_status(
    version: ModelVersion, status: str, user: User | None = None, *, reason: str = ""
) -> VersionStatus:
    """Stage a version, take it back, put it away, or take it out again.

    Returns: the status it has now. Raises: NotChangeableError; ConflictError if it cannot have
        that status now, or aliases still name a version that is to be put away.
    """
    check_may_change(user, version.model, "change the status of its versions")
    with transaction.atomic():
        locked = lock(version.model)
        if lifecycle.status_of(version) == VersionStatus.ARCHIVED:
            if status != VersionStatus.REGISTERED:
                raise ConflictError(f"{version} is archived; from here it may become registered.")
        elif status not in BY_HAND:
            by = "the alias production" if status == VersionStatus.DEPLOYED else "a check"
            raise ConflictError(f"{by} makes a version {status}; nobody does it by hand.")
        if status == VersionStatus.VALIDATED:
            check_was_staged(version)
        if status == VersionStatus.ARCHIVED:
            check_unnamed(version)
        lifecycle.move(version, status, user=user, reason=reason)
        settle_after(locked, version, status, user)
    return VersionStatus(status)


def check_was_staged(version: ModelVersion) -> None:
    if lifecycle.status_of(version) != VersionStatus.STAGED:
        raise ConflictError(f"Only a check makes {version} validated. Have it checked.")


def check_unnamed(version: ModelVersion) -> None:
    names = list(version.aliases.exclude(name=LATEST).values_list("name", flat=True))
    if names:
        raise ConflictError(
            f"{version} is named by {', '.join(sorted(names))}. "
            "Move these aliases to another version first, then archive it."
        )


def settle_after(
    model: RegisteredModel, version: ModelVersion, status: str, user: User | None
) -> None:
    """`latest` names no archived version where there is another; a restored one is checked."""
    if status == VersionStatus.ARCHIVED:
        settle_latest(model, version, user)
    elif status == VersionStatus.REGISTERED:
        if not model.aliases.filter(name=LATEST).exists():
            move_latest(model, version, user)
        ask_check(version, user)


def change_card(
    version: ModelVersion,
    user: User | None = None,
    *,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
) -> VersionCard:
    """Replace tags or description. Raises: SpecError naming every fault; NotChangeableError."""
    check_may_change(user, version.model, "describe its versions")
    changes: dict[str, Any] = {}
    if tags is not None:
        changes["tags"] = check_tags(tags)
    if description is not None:
        changes["description"] = check_description(description)
    with transaction.atomic():
        lock(version.model)
        card = VersionCard.objects.get(version=version)
        changes = {name: value for name, value in changes.items() if getattr(card, name) != value}
        if changes:
            for name, value in changes.items():
                setattr(card, name, value)
            card.changed_at = Now()
            card.save(update_fields=[*changes, "changed_at"])
            note(actions.VERSION_CHANGED, version, user, {"changed": changes})
    card.refresh_from_db()
    return card


def check_may_change(user: User | None, model: RegisteredModel, what: str) -> None:
    if user is not None and not may_change_model(user, model):
        raise NotChangeableError(
            f"You may look at {model.name} but not {what}. Its owner and the "
            "instructors of its class may."
        )


def note(action: str, version: ModelVersion, user: User | None, details: dict[str, Any]) -> None:
    record(
        action,
        actor=user,
        kind="version",
        subject=subject_of(version),
        classroom_id=version.model.classroom_id,
        details=details,
    )
