"""What the registry's commands share: finding a model or a version by the name people use."""

from __future__ import annotations

from datetime import datetime

from django.core.management.base import CommandError
from django.utils import timezone

from hamlet.errors import SpecError
from registry.accounts.models import Role, User
from registry.models import ModelVersion, RegisteredModel
from registry.moments import read_time
from registry.names import LATEST
from registry.queries import NUMBER, VERSION_ORDER

TARGET_HELP = "walker (its latest version), walker/1.0.0 or walker@best"


def find_model(name: str) -> RegisteredModel:
    """Raises: CommandError."""
    model = RegisteredModel.objects.filter(name=name).first()
    if model is None:
        known = RegisteredModel.objects.order_by("-created_at").values_list("name", flat=True)[:10]
        there = f"Newest: {', '.join(known)}." if known else "There are none yet; train one."
        raise CommandError(f"There is no model {name!r}. {there}")
    return model


def find_target(text: str) -> ModelVersion:
    """The version that `walker`, `walker/1.0.0` or `walker@best` names. Raises: CommandError."""
    name, slash, number = text.partition("/")
    if slash:
        return find_number(find_model(name), number)
    name, at, alias = text.partition("@")
    return find_alias(find_model(name), alias if at else LATEST)


def find_number(model: RegisteredModel, number: str) -> ModelVersion:
    match = NUMBER.fullmatch(number)
    parts = [int(part) for part in match.groups()] if match else []
    found = (
        model.versions.select_related("model", "artifact", "card")
        .filter(**dict(zip(("major", "minor", "patch"), parts, strict=True)))
        .first()
        if parts and max(parts) < 2**31
        else None
    )
    if found is None:
        known = ", ".join(v.number for v in model.versions.order_by(*VERSION_ORDER)[:10]) or "none"
        raise CommandError(f"{model.name} has no version {number!r}. Newest: {known}.")
    return found


def find_alias(model: RegisteredModel, alias: str) -> ModelVersion:
    found = (
        ModelVersion.objects.select_related("model", "artifact", "card")
        .filter(aliases__model=model, aliases__name=alias)
        .first()
    )
    if found is None:
        known = ", ".join(model.aliases.values_list("name", flat=True)) or "none"
        raise CommandError(f"{model.name} has no alias {alias!r}. There are: {known}.")
    return found


def find_person(name: str | None) -> User:
    """The named user, or the first admin. Raises: CommandError."""
    people = User.objects.filter(is_active=True).order_by("pk")
    if name is not None:
        user = people.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no active user {name!r}.")
        return user
    user = (
        people.filter(is_superuser=True).first() or people.filter(groups__name=Role.ADMIN).first()
    )
    if user is None:
        raise CommandError("There is no admin yet. Start `make up` once, or give --user.")
    return user


def read_moment(text: str | None) -> datetime:
    """A time, or now. Raises: CommandError."""
    if text is None:
        return timezone.now()
    try:
        return read_time(text, "--at")
    except SpecError as error:
        raise CommandError("\n".join(map(str, error.problems))) from None


def explain(error: SpecError, headline: str) -> CommandError:
    """All faults, one a line."""
    return CommandError("\n".join([headline, *(f"  {problem}" for problem in error.problems)]))
