"""What the registry holds, as far as the asker may see it. Pages, API and sockets all ask here."""

from __future__ import annotations

import re
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from registry.accounts.models import Classroom, User
from registry.accounts.queries import owned_or_shared, owned_or_taught, shares_a_class_with_owner
from registry.accounts.roles import is_admin, is_instructor
from registry.errors import VersionNotFoundError
from registry.models import Alias, AliasMove, BrainSpec, ModelVersion, RegisteredModel

NUMBER = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)
MODEL_ORDER = ("-created_at", "-id")
VERSION_ORDER = ("-major", "-minor", "-patch")
BRAIN_ORDER = ("name",)
MOVE_ORDER = ("-moved_at", "-id")


def visible_models(user: User | AnonymousUser) -> QuerySet[RegisteredModel]:
    """One's own models and those of the classes one is in; all of them for admins."""
    if is_admin(user):
        return RegisteredModel.objects.all()
    if not user.is_authenticated:
        return RegisteredModel.objects.none()
    return RegisteredModel.objects.filter(owned_or_shared(user))


def visible_brains(user: User | AnonymousUser) -> QuerySet[BrainSpec]:
    """One's own brain specs and those of the people one shares a class with."""
    if is_admin(user):
        return BrainSpec.objects.all()
    if not user.is_authenticated:
        return BrainSpec.objects.none()
    return BrainSpec.objects.filter(Q(owner=user) | Q(shares_a_class_with_owner(user)))


def may_change_model(user: User | AnonymousUser, model: RegisteredModel) -> bool:
    """Whether the user may register versions and move aliases: as owner, or teacher of the class.

    The role decides first: a student changes nothing, not even a model that carries the name.
    """
    return changeable_models(user).filter(pk=model.pk).exists()


def changeable_models(user: User | AnonymousUser) -> QuerySet[RegisteredModel]:
    """Those of which the user may register versions."""
    if is_admin(user):
        return RegisteredModel.objects.all()
    if not is_instructor(user):
        return RegisteredModel.objects.none()
    return RegisteredModel.objects.filter(owned_or_taught(user))


def seen_by_the_same(
    model: RegisteredModel, owner: User | None, classroom: Classroom | None
) -> bool:
    """Whether a model shows its versions to whom a run of this owner and class is shown.

    A model of a class takes runs of that class alone, and a private model those of its owner.
    """
    if classroom is not None:
        return model.classroom_id == classroom.pk
    return model.classroom_id is None and model.owner_id == (owner.pk if owner else None)


def may_change_brain(user: User | AnonymousUser, brain: BrainSpec) -> bool:
    return is_admin(user) or (is_instructor(user) and brain.owner_id == user.pk)


def models_with_newest(user: User | AnonymousUser) -> QuerySet[RegisteredModel]:
    """For lists: each model with `version_count` and `newest_version_id`."""
    own = ModelVersion.objects.filter(model=OuterRef("pk"))
    newest = own.order_by(*VERSION_ORDER)
    # Counted for the rows of the page alone; a join would count for the whole table first.
    count = own.order_by().values("model").annotate(count=Count("pk")).values("count")
    return (
        visible_models(user)
        .select_related("owner", "classroom")
        .annotate(
            version_count=Coalesce(Subquery(count), 0),
            newest_version_id=Subquery(newest.values("pk")[:1]),
        )
    )


def newest_versions(models: list[RegisteredModel]) -> dict[int, ModelVersion]:
    """The newest versions of the rows of `models_with_newest`, by id: one query for a page."""
    ids = [model.newest_version_id for model in models if model.newest_version_id]
    return ModelVersion.objects.only("model", "major", "minor", "patch").in_bulk(ids)


def versions_of_model(model: RegisteredModel) -> QuerySet[ModelVersion]:
    return (
        ModelVersion.objects.filter(model=model)
        .select_related("model", "artifact", "registered_by", "card")
        .prefetch_related("aliases")
        .defer("signature")
    )


def find_model(user: User | AnonymousUser, name: str) -> RegisteredModel:
    """Raises: VersionNotFoundError, whether it is absent or out of the user's sight."""
    model = visible_models(user).filter(name=name).first()
    if model is None:
        raise VersionNotFoundError(
            f"There is no model {name[:100]!r} that you may see. "
            "GET /api/v1/models lists those there are."
        )
    return model


def find_version(
    user: User | AnonymousUser, model_name: str, version_or_alias: str
) -> ModelVersion:
    """The version that a number such as `1.2.0` or an alias such as `latest` names now.

    Raises: VersionNotFoundError, whether the thing is absent or out of the user's sight.
    """
    model = find_model(user, model_name)
    versions = ModelVersion.objects.filter(model=model).select_related("model", "artifact", "card")
    if match := NUMBER.fullmatch(version_or_alias):
        major, minor, patch = map(int, match.groups())
        found = (
            versions.filter(major=major, minor=minor, patch=patch).first()
            if max(major, minor, patch) < 2**31
            else None
        )
    else:
        found = versions.filter(aliases__model=model, aliases__name=version_or_alias).first()
    if found is None:
        raise VersionNotFoundError(_what_there_is(model, version_or_alias))
    return found


def aliases_of(version: ModelVersion) -> list[str]:
    return list(version.aliases.order_by("name").values_list("name", flat=True))


def alias_at(model: RegisteredModel, name: str, when: datetime) -> AliasMove | None:
    """The move that had last been made by then; None if there was none.

    Its `new_number` is what the alias named, empty if it named nothing; `new_version` is empty
    besides if that version has been deleted for good since.
    """
    return moves_until(model, when).filter(name=name).order_by(*MOVE_ORDER).first()


def live_at(model: RegisteredModel, when: datetime) -> list[AliasMove]:
    """For each alias that named a version at that time, the move that had brought it there."""
    moves = moves_until(model, when).order_by("name", *MOVE_ORDER).distinct("name")
    return [move for move in moves if move.new_number]


def moves_until(model: RegisteredModel, when: datetime) -> QuerySet[AliasMove]:
    return AliasMove.objects.filter(model=model, moved_at__lte=when).select_related(
        "new_version__model", "moved_by"
    )


def aliases_of_model(model: RegisteredModel) -> QuerySet[Alias]:
    return model.aliases.select_related("version__model").order_by("name")


def moves_of_model(model: RegisteredModel) -> QuerySet[AliasMove]:
    return model.alias_moves.select_related(
        "old_version__model", "new_version__model", "moved_by"
    ).order_by(*MOVE_ORDER)


def _what_there_is(model: RegisteredModel, asked: str) -> str:
    aliases = model.aliases.order_by("name").values_list("name", flat=True)[:10]
    versions = model.versions.order_by(*VERSION_ORDER)[:5]
    known = [*aliases, *(version.number for version in versions)]
    if not known:
        return (
            f"{model.name} has no version yet. A run that finishes registers one; "
            "an instructor starts runs."
        )
    return f"{model.name} has no version or alias {asked[:60]!r}. Newest: {', '.join(known)}."
