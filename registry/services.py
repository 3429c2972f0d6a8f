"""What a person or a finished run asks of the registry: keep a brain, register, move an alias.

Networks need torch, which takes more than a second to import. It is imported where a network is
looked into: most processes and commands never do that.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from hamlet.errors import CheckpointError, Problem, SpecError
from hamlet.schema import describe
from hamlet.systems import SYSTEMS
from registry.accounts.models import Classroom, User
from registry.artifacts.models import Artifact
from registry.artifacts.store import open_artifact
from registry.errors import NameTakenError, NotChangeableError
from registry.models import Alias, AliasMove, BrainSpec, ModelVersion, RegisteredModel
from registry.names import LATEST, check_alias, check_name
from registry.queries import (
    VERSION_ORDER,
    may_change_brain,
    may_change_model,
    seen_by_the_same,
)

if TYPE_CHECKING:
    from hamlet.brains import BrainSpec as Brain
    from hamlet.signature import Signature


def ensure_model(
    name: str, system: str, owner: User | None, classroom: Classroom | None
) -> RegisteredModel:
    """The model of this name, made if it is not there.

    Raises: SpecError for a bad name or system; NameTakenError if the name belongs to a model of
        another system, to one that the owner may not change, or to one that other people see
        than those who may see things of this owner and class.
    """
    check_name(name, "model")
    if system not in SYSTEMS:
        message = f"found {describe(system)}; expected one of {', '.join(SYSTEMS)}"
        raise SpecError([Problem("system", message)])
    model, created = RegisteredModel.objects.get_or_create(
        name=name, defaults={"system": system, "owner": owner, "classroom": classroom}
    )
    if created:
        return model
    if owner is not None and not may_change_model(owner, model):
        raise NameTakenError(f"The model name {name} is taken. Choose another.")
    if model.system != system:
        raise NameTakenError(
            f"The model {name} belongs to the system {model.system}, not {system}. "
            "Choose another name."
        )
    if not seen_by_the_same(model, owner, classroom):
        kept = f"belongs to the class {model.classroom}" if model.classroom else "is private"
        wanted = f"for the class {classroom}" if classroom else "private"
        raise NameTakenError(
            f"The model {model.name} {kept}, and what you ask for is {wanted}. "
            "Choose another name, or the model's own class."
        )
    return model


def register_version(
    *,
    model: RegisteredModel,
    artifact: Artifact,
    run_id: uuid.UUID | None = None,
    lineage: Mapping[str, Any] | None = None,
    metrics: Mapping[str, float] | None = None,
    user: User | None = None,
) -> ModelVersion:
    """Make an inference checkpoint a version of a model and move `latest` to it.

    A run that is finished twice registers once: the version it has is returned. The first
    version is 1.0.0; another layout raises the major number, another brain the minor, and more
    training the patch, each compared with the newest version.

    Raises: CheckpointError unless the file is an inference checkpoint; ArtifactDamagedError;
        NotChangeableError if `user` may not change the model.
    """
    if user is not None and not may_change_model(user, model):
        raise NotChangeableError(
            f"You may look at {model.name} but not register versions of it. Its owner and the "
            "instructors of its class may."
        )
    if run_id is not None and (version := ModelVersion.objects.filter(run_id=run_id).first()):
        return version
    signature = read_signature(artifact)
    with transaction.atomic():
        # Numbers are given out one at a time per model.
        locked = RegisteredModel.objects.select_for_update().get(pk=model.pk)
        if run_id is not None and (version := ModelVersion.objects.filter(run_id=run_id).first()):
            return version
        newest = locked.versions.order_by(*VERSION_ORDER).first()
        major, minor, patch = next_number(newest, signature)
        version = ModelVersion.objects.create(
            model=locked,
            major=major,
            minor=minor,
            patch=patch,
            artifact=artifact,
            signature=signature.to_data(),
            brain_spec_hash=brain_hash(signature),
            layout_hash=layout_hash(signature),
            run_id=run_id,
            lineage=dict(lineage or {}),
            metrics=dict(metrics or {}),
            registered_by=user,
        )
        _move(locked, LATEST, version, user)
    return version


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


def brain_hash(signature: Signature) -> str:
    return signature.hashes.get("brain_spec", "")


def layout_hash(signature: Signature) -> str:
    # A model without an observation layout is known by the shapes it takes and gives.
    return signature.hashes.get("layout") or signature.hash


def next_number(newest: ModelVersion | None, signature: Signature) -> tuple[int, int, int]:
    if newest is None:
        return 1, 0, 0
    if newest.layout_hash != layout_hash(signature):
        return newest.major + 1, 0, 0
    if newest.brain_spec_hash != brain_hash(signature):
        return newest.major, newest.minor + 1, 0
    return newest.major, newest.minor, newest.patch + 1


def move_alias(
    model: RegisteredModel, name: str, version: ModelVersion, user: User | None = None
) -> Alias:
    """Let an alias name another version, from one moment to the next, with a row of who and when.

    Raises: SpecError, ReservedAliasError, NotChangeableError.
    """
    check_alias(name)
    _check_may_change(user, model)
    if version.model_id != model.pk:
        message = f"found {version}; expected a version of {model.name}"
        raise SpecError([Problem("version", message)])
    with transaction.atomic():
        locked = RegisteredModel.objects.select_for_update().get(pk=model.pk)
        return _move(locked, name, version, user)


def remove_alias(model: RegisteredModel, name: str, user: User | None = None) -> bool:
    """Returns: False if there was no such alias. Raises: as `move_alias`."""
    check_alias(name)
    _check_may_change(user, model)
    with transaction.atomic():
        locked = RegisteredModel.objects.select_for_update().get(pk=model.pk)
        alias = Alias.objects.filter(model=locked, name=name).first()
        if alias is None:
            return False
        _note_move(locked, name, alias.version, None, user)
        alias.delete()
    return True


def save_brain_spec(
    name: str, yaml_text: str, user: User | None, *, only_new: bool = False
) -> BrainSpec:
    """Keep a brain.yaml under a name, or change the one that has it.

    Raises: SpecError naming every fault; NameTakenError if the name is somebody else's, or, with
        `only_new`, anybody's.
    """
    spec = check_brain_and_name(name, yaml_text)
    values = {"yaml_text": yaml_text, "data": spec.data, "spec_hash": spec.hash}
    with transaction.atomic():
        brain = BrainSpec.objects.select_for_update().filter(name=name).first()
        if brain is None:
            try:
                with transaction.atomic():
                    return BrainSpec.objects.create(name=name, owner=user, **values)
            except IntegrityError:  # somebody else made it in this moment
                raise _brain_name_taken(name) from None
        if only_new or (user is not None and not may_change_brain(user, brain)):
            raise _brain_name_taken(name)
        for field, value in values.items():
            setattr(brain, field, value)
        brain.save()
    return brain


def check_brain_and_name(name: Any, yaml_text: Any) -> Brain:
    """Raises: SpecError naming the faults of both at once."""
    problems: list[Problem] = []
    try:
        check_name(name)
    except SpecError as error:
        problems += error.problems
    try:
        spec = check_brain(yaml_text)
    except SpecError as error:
        problems += error.problems
    if problems:
        raise SpecError(problems)
    return spec


def check_brain(yaml_text: Any) -> Brain:
    """Raises: SpecError naming every fault."""
    if not isinstance(yaml_text, str):
        message = f"found {describe(yaml_text)}; expected the text of a brain.yaml"
        raise SpecError([Problem("yaml", message)])
    if "\x00" in yaml_text:
        raise SpecError([Problem("yaml", "found a NUL character; expected text")])
    from hamlet.brains import BrainSpec as Brain

    return Brain.from_yaml(yaml_text)


def delete_brain_spec(brain: BrainSpec, user: User | None = None) -> None:
    """Runs that used it keep their own copy. Raises: NotChangeableError."""
    if user is not None and not may_change_brain(user, brain):
        raise NotChangeableError(f"You may look at {brain.name} but not delete it.")
    brain.delete()


def _brain_name_taken(name: str) -> NameTakenError:
    return NameTakenError(f"There is a brain spec named {name} already. Choose another name.")


def _check_may_change(user: User | None, model: RegisteredModel) -> None:
    if user is not None and not may_change_model(user, model):
        raise NotChangeableError(
            f"You may look at {model.name} but not move its aliases. Its owner and the "
            "instructors of its class may."
        )


def _move(model: RegisteredModel, name: str, version: ModelVersion, user: User | None) -> Alias:
    """Move under the lock of the model's row. Moving to where it stands leaves no second row."""
    alias = Alias.objects.select_related("version").filter(model=model, name=name).first()
    if alias is not None and alias.version_id == version.pk:
        return alias
    _note_move(model, name, alias.version if alias else None, version, user)
    if alias is None:
        return Alias.objects.create(model=model, name=name, version=version)
    alias.version = version
    alias.save(update_fields=["version"])
    return alias


def _note_move(
    model: RegisteredModel,
    name: str,
    old: ModelVersion | None,
    new: ModelVersion | None,
    user: User | None,
) -> None:
    # The database's clock, read under the lock: the moves of a model stand in their true order
    # whichever machine makes them.
    AliasMove.objects.create(
        model=model,
        name=name,
        old_version=old,
        new_version=new,
        moved_by=user if user is not None and user.is_authenticated else None,
        moved_at=Now(),
    )
