"""Into service and back: the alias `production` moves to a version, or to the one before it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from registry.accounts.models import User
from registry.aliases import services
from registry.errors import ConflictError, VersionNotFoundError
from registry.models import ModelVersion, RegisteredModel
from registry.names import PRODUCTION, read_version_id
from registry.queries import find_version, visible_models
from registry.versions.lifecycle import status_of
from registry.versions.models import VersionStatus
from registry.versions.services import set_status

RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
MOST_MOVES = 1000  # of the alias that are looked back on


@dataclass(frozen=True)
class Moved:
    """A move of `production`. replaced: what it named before; None where it named nothing, or
    this version already."""

    now: ModelVersion
    replaced: ModelVersion | None


def version_for(user: User | AnonymousUser, named: str) -> ModelVersion:
    """The version that `model:number` or `model:alias` names, or that the run of this id made.

    Raises: VersionNotFoundError, SpecError.
    """
    if RUN_ID.fullmatch(named):
        made = ModelVersion.objects.filter(run_id=UUID(named), model__in=visible_models(user))
        if version := made.select_related("model", "card").first():
            return version
        raise VersionNotFoundError(
            f"There is no version that a run {named} made and that you may see. A run makes one "
            "when it is completed."
        )
    return find_version(user, *read_version_id(named, "id", instead=", or the id of a run"))


def activate(version: ModelVersion, user: User | None, *, reason: str = "") -> Moved:
    """Put a version into service at once. One that is in service already stays there.

    Raises: NotChangeableError; AliasProtectedError; ConflictError for a version that may not go
        into service; SpecError for a reason that is too long.
    """
    with transaction.atomic():
        locked = services.lock(version.model)
        alias = services.find(locked, PRODUCTION)
        replaced = alias.version if alias else None
        services.move_alias(locked, PRODUCTION, version, user, reason=reason)
    return Moved(version, None if replaced == version else replaced)


def stage(version: ModelVersion, user: User | None, *, reason: str = "") -> None:
    """Make a version ready for service. One that is staged or in service stays as it is.

    Raises: NotChangeableError; ConflictError for one that was not checked.
    """
    services.check_may_move(user, version.model)
    if status_of(version) not in (VersionStatus.STAGED, VersionStatus.DEPLOYED):
        set_status(version, VersionStatus.STAGED, user, reason=reason)


def roll_back(
    model: RegisteredModel, user: User | None, *, reason: str, leaving: str | None = None
) -> Moved:
    """Put the version into service that was there before the present one.

    Args:
        leaving: number of the version that is meant to leave, so that a request sent twice goes
            back once.
    Raises: as `activate`; ConflictError also where nothing is in service, another version than
        `leaving` is, or there is no version to go back to.
    """
    services.check_may_move(user, model)
    with transaction.atomic():
        locked = services.lock(model)
        alias = services.find(locked, PRODUCTION)
        if alias is None:
            raise ConflictError(
                f"No version of {model.name} is in service, so there is nothing to go back from. "
                "Deploy one."
            )
        if leaving is not None and alias.version.number != leaving:
            raise ConflictError(
                f"{alias.version} is in service, not {leaving}; somebody went back already."
            )
        earlier = version_before(locked, alias.version)
        services.move_alias(locked, PRODUCTION, earlier, user, reason=reason)
    return Moved(earlier, alias.version)


def version_before(model: RegisteredModel, present: ModelVersion) -> ModelVersion:
    """The last version in service before this one that is still there and not archived.

    Raises: ConflictError where there is none.
    """
    moves = model.alias_moves.filter(name=PRODUCTION).order_by("-moved_at", "-id")
    ids = [move.new_version_id for move in moves.only("new_version_id")[:MOST_MOVES]]
    for version_id in reversed(standing(reversed(ids))):
        if version_id == present.pk:
            continue
        version = ModelVersion.objects.select_related("model").get(pk=version_id)
        if status_of(version) != VersionStatus.ARCHIVED:
            return version
    raise ConflictError(
        f"{present} is the first version of {model.name} in service, or those before it are "
        "archived or deleted. Deploy another version instead."
    )


def standing(ids: Iterable[int | None]) -> list[int]:
    """What has been in service, oldest first, without what was gone back from: coming back to a
    version forgets those that came after it. Args: ids: in time; None: ended or deleted."""
    stack: list[int] = []
    for version_id in ids:
        if version_id is None:
            continue
        if version_id in stack:
            del stack[stack.index(version_id) + 1 :]
        else:
            stack.append(version_id)
    return stack
