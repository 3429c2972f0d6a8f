"""Movable names: where they point, who may move them, and the row that every move leaves.

`latest` moves by itself, to the version registered last. `production` says what is in service:
it takes checked versions alone, and what it names is `deployed`.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from hamlet.errors import Problem, SpecError
from registry.accounts.models import User
from registry.audit import actions
from registry.audit.services import record
from registry.errors import AliasProtectedError, ConflictError, NotChangeableError
from registry.models import Alias, AliasMove, ModelVersion, RegisteredModel
from registry.names import LATEST, PRODUCTION, check_alias
from registry.queries import VERSION_ORDER, may_change_model
from registry.versions import lifecycle
from registry.versions.models import VersionStatus

SERVICEABLE = (VersionStatus.VALIDATED, VersionStatus.STAGED)
LONGEST_REASON = 200


def move_alias(
    model: RegisteredModel,
    name: str,
    version: ModelVersion,
    user: User | None = None,
    *,
    reason: str = "",
) -> Alias:
    """Let an alias name another version, from one moment to the next, with a row of who and when.

    Raises: SpecError, ReservedAliasError, NotChangeableError; AliasProtectedError; ConflictError
        for an archived version, and for one that may not go into service.
    """
    check_alias(name)
    check_may_move(user, model)
    if version.model_id != model.pk:
        message = f"found {version}; expected a version of {model.name}"
        raise SpecError([Problem("version", message)])
    if len(reason) > LONGEST_REASON:
        message = f"found {len(reason)} characters; at most {LONGEST_REASON} are kept"
        raise SpecError([Problem("reason", message)])
    with transaction.atomic():
        locked = lock(model)
        check_not_protected(locked, name)
        check_may_be_named(version, name)
        return point(locked, name, version, user, reason)


def remove_alias(
    model: RegisteredModel, name: str, user: User | None = None, *, reason: str = ""
) -> bool:
    """Returns: False if there was no such alias. Raises: as `move_alias`."""
    check_alias(name)
    check_may_move(user, model)
    with transaction.atomic():
        locked = lock(model)
        check_not_protected(locked, name)
        alias = find(locked, name)
        if alias is None:
            return False
        drop(alias, user, reason)
    return True


def protect_alias(
    model: RegisteredModel, name: str, protected: bool, user: User | None = None
) -> Alias | None:
    """Let an alias stay where it is until the protection is taken away again, or take it away.

    Returns: None if there is no such alias. Raises: as `move_alias`.
    """
    check_alias(name)
    check_may_move(user, model)
    with transaction.atomic():
        locked = lock(model)
        alias = find(locked, name)
        if alias is None or alias.protected == protected:
            return alias
        alias.protected = protected
        alias.save(update_fields=["protected"])
        action = actions.ALIAS_PROTECTED if protected else actions.ALIAS_FREED
        note(action, alias, user, {"version": alias.version.number})
    return alias


def move_latest(model: RegisteredModel, version: ModelVersion, user: User | None) -> Alias:
    """Under the lock of the model's row: `latest` follows what was registered."""
    return point(model, LATEST, version, user, "")


def settle_latest(model: RegisteredModel, leaving: ModelVersion, user: User | None) -> None:
    """Under the lock: `latest` goes from a version, if it is there, to the highest of the others
    that is not archived; without such a one there is no `latest`."""
    alias = find(model, LATEST)
    if alias is None or alias.version_id != leaving.pk:
        return
    others = model.versions.exclude(pk=leaving.pk).exclude(card__status=VersionStatus.ARCHIVED)
    following = others.order_by(*VERSION_ORDER).first()
    reason = f"{leaving.number} goes"
    if following is None:
        drop(alias, user, reason)
    else:
        point(model, LATEST, following, user, reason)


def lock(model: RegisteredModel) -> RegisteredModel:
    """The row of the model: numbers and aliases of a model are given out one at a time."""
    return RegisteredModel.objects.select_for_update(no_key=True).get(pk=model.pk)


def find(model: RegisteredModel, name: str) -> Alias | None:
    return Alias.objects.select_related("version", "model").filter(model=model, name=name).first()


def check_may_move(user: User | None, model: RegisteredModel) -> None:
    if user is not None and not may_change_model(user, model):
        raise NotChangeableError(
            f"You may look at {model.name} but not move its aliases. Its owner and the "
            "instructors of its class may."
        )


def check_not_protected(model: RegisteredModel, name: str) -> None:
    if Alias.objects.filter(model=model, name=name, protected=True).exists():
        raise AliasProtectedError(
            f"The alias {name} of {model.name} is protected. Take the protection away first, "
            "then move or remove it."
        )


def check_may_be_named(version: ModelVersion, name: str) -> None:
    status = lifecycle.status_of(version)
    if status == VersionStatus.ARCHIVED:
        raise ConflictError(f"{version} is archived and answers no more. Take it out first.")
    if name == PRODUCTION and status not in (*SERVICEABLE, VersionStatus.DEPLOYED):
        raise ConflictError(
            f"{version} is {status}; {PRODUCTION} names checked versions alone. Check it first."
        )


def point(
    model: RegisteredModel, name: str, version: ModelVersion, user: User | None, reason: str
) -> Alias:
    """Move under the lock. Moving to where it stands leaves no second row."""
    alias = find(model, name)
    if alias is not None and alias.version_id == version.pk:
        return alias
    old = alias.version if alias else None
    note_move(model, name, old, version, user=user, reason=reason)
    if alias is None:
        alias = Alias.objects.create(model=model, name=name, version=version)
    else:
        alias.version = version
        alias.save(update_fields=["version"])
    if name == PRODUCTION:
        change_service(old, version, user)
    details = {"old": old.number if old else None, "new": version.number, "reason": reason}
    note(actions.ALIAS_MOVED, alias, user, details)
    return alias


def drop(alias: Alias, user: User | None, reason: str) -> None:
    note_move(alias.model, alias.name, alias.version, None, user=user, reason=reason)
    alias.delete()
    if alias.name == PRODUCTION:
        change_service(alias.version, None, user)
    note(actions.ALIAS_REMOVED, alias, user, {"old": alias.version.number, "reason": reason})


def change_service(old: ModelVersion | None, new: ModelVersion | None, user: User | None) -> None:
    if old is not None:
        lifecycle.move(old, VersionStatus.STAGED, user=user, reason=f"{PRODUCTION} left it")
    if new is not None:
        lifecycle.move(new, VersionStatus.DEPLOYED, user=user, reason=f"{PRODUCTION} names it")


def note_move(
    model: RegisteredModel,
    name: str,
    old: ModelVersion | None,
    new: ModelVersion | None,
    *,
    user: User | None,
    reason: str,
) -> None:
    # The database's clock, read under the lock: the moves of a model stand in their true order
    # whichever machine makes them.
    AliasMove.objects.create(
        model=model,
        name=name,
        old_version=old,
        new_version=new,
        old_number=old.number if old else "",
        new_number=new.number if new else "",
        moved_by=user if user is not None and user.is_authenticated else None,
        reason=reason,
        moved_at=Now(),
    )


def note(action: str, alias: Alias, user: User | None, details: dict[str, object]) -> None:
    record(
        action,
        actor=user,
        kind="alias",
        subject=f"{alias.model.name}@{alias.name}",
        classroom_id=alias.model.classroom_id,
        details=details,
    )
