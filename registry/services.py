"""What a person or a finished run asks of the registry: keep a model, keep a brain.

Versions and aliases have packages of their own.

Networks need torch, which takes more than a second to import. It is imported where a network is
looked into: most processes and commands never do that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from hamlet.systems import SYSTEMS
from registry.accounts.models import Classroom, User
from registry.accounts.queries import taught_classrooms
from registry.audit import actions
from registry.audit.services import record
from registry.errors import NameTakenError, NotChangeableError
from registry.models import BrainSpec, RegisteredModel
from registry.names import check_name
from registry.queries import (
    changeable_models,
    may_change_brain,
    may_change_model,
    seen_by_the_same,
)
from registry.tags import check_description, check_tags

if TYPE_CHECKING:
    from hamlet.brains import BrainSpec as Brain


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
    with transaction.atomic():
        model, created = RegisteredModel.objects.get_or_create(
            name=name, defaults={"system": system, "owner": owner, "classroom": classroom}
        )
        if created:
            note(actions.MODEL_CREATED, model, owner, {"system": system})
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


def create_model(
    *,
    name: str,
    system: str,
    user: User,
    classroom: int | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> RegisteredModel:
    """A new name for versions, of a class that the user teaches or private to the user.

    Raises: SpecError for a class the user does not teach, too; NameTakenError.
    """
    card = {
        "tags": check_tags({} if tags is None else tags),
        "description": check_description("" if description is None else description),
    }
    taught = None
    if classroom is not None:
        taught = taught_classrooms(user).filter(pk=classroom).first()
        if taught is None:
            message = f"found {classroom}; expected the number of a class you teach"
            raise SpecError([Problem("classroom", message)])
    with transaction.atomic():
        if RegisteredModel.objects.filter(name=name).exists():
            raise NameTakenError(f"The model name {name} is taken. Choose another.")
        model = ensure_model(name, system, user, taught)
        return change_model(model, user, **card)


def model_to_fill(
    *, name: str, system: str, user: User, classroom: int | None = None
) -> RegisteredModel:
    """The model of this name of which the user may register versions; a new one if there is none.

    Args: system, classroom: of a new one. Raises: as `create_model`.
    """
    found = changeable_models(user).filter(name=name).first()
    return found or create_model(name=name, system=system, user=user, classroom=classroom)


def change_model(
    model: RegisteredModel,
    user: User | None = None,
    *,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
) -> RegisteredModel:
    """Replace tags or description. Raises: SpecError naming every fault; NotChangeableError."""
    if user is not None and not may_change_model(user, model):
        raise NotChangeableError(
            f"You may look at {model.name} but not describe it. Its owner and the instructors "
            "of its class may."
        )
    changes: dict[str, Any] = {}
    if tags is not None:
        changes["tags"] = check_tags(tags)
    if description is not None:
        changes["description"] = check_description(description)
    with transaction.atomic():
        locked = RegisteredModel.objects.select_for_update(no_key=True).get(pk=model.pk)
        changes = {name: value for name, value in changes.items() if getattr(locked, name) != value}
        if changes:
            RegisteredModel.objects.filter(pk=model.pk).update(**changes)
            note(actions.MODEL_CHANGED, locked, user, {"changed": changes})
    model.refresh_from_db()
    return model


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
                    brain = BrainSpec.objects.create(name=name, owner=user, **values)
                    note_brain(actions.BRAIN_SAVED, name, user, {"spec_hash": spec.hash})
                    return brain
            except IntegrityError:  # somebody else made it in this moment
                raise _brain_name_taken(name) from None
        if only_new or (user is not None and not may_change_brain(user, brain)):
            raise _brain_name_taken(name)
        for field, value in values.items():
            setattr(brain, field, value)
        brain.save()
        note_brain(actions.BRAIN_SAVED, name, user, {"spec_hash": spec.hash})
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
    with transaction.atomic():
        brain.delete()
        note_brain(actions.BRAIN_DELETED, brain.name, user, {"spec_hash": brain.spec_hash})


def _brain_name_taken(name: str) -> NameTakenError:
    return NameTakenError(f"There is a brain spec named {name} already. Choose another name.")


def note(
    action: str, model: RegisteredModel, user: User | None, details: Mapping[str, Any]
) -> None:
    record(
        action,
        actor=user,
        kind="model",
        subject=model.name,
        classroom_id=model.classroom_id,
        details=details,
    )


def note_brain(action: str, name: str, user: User | None, details: Mapping[str, Any]) -> None:
    record(action, actor=user, kind="brain", subject=name, details=details)
