"""Who votes where nobody is named: the newest checked versions of a model."""

from __future__ import annotations

from hamlet.errors import Problem, SpecError
from hamlet.systems import System
from registry.accounts.models import User
from registry.errors import ConflictError
from registry.models import ModelVersion, RegisteredModel
from registry.queries import VERSION_ORDER, find_model, visible_models
from registry.versions.models import VersionStatus

FEWEST_VOTERS, MOST_BY_DEFAULT = 2, 3
# What is staged or in service was validated before.
CHECKED = (VersionStatus.VALIDATED, VersionStatus.STAGED, VersionStatus.DEPLOYED)
MOST_SHOWN = 10


def default_voters(user: User, model: str | None, system: System) -> list[tuple[str, str]]:
    """The three newest checked versions, as (model, number), newest first.

    Args: model: its name; None means the only model of the system that the user may see.
    Raises: VersionNotFoundError; SpecError if there are several models; ConflictError if fewer
        than two versions are there.
    """
    found = find_model(user, model) if model is not None else _only_model(user, system)
    checked = ModelVersion.objects.filter(model=found, card__status__in=CHECKED)
    versions = list(checked.order_by(*VERSION_ORDER)[:MOST_BY_DEFAULT])
    if len(versions) < FEWEST_VOTERS:
        raise ConflictError(
            f"{found.name} has {len(versions)} validated versions, and {FEWEST_VOTERS} make an "
            "ensemble. Have another version checked, or name versions in model_ids."
        )
    return [(found.name, version.number) for version in versions]


def _only_model(user: User, system: System) -> RegisteredModel:
    """Raises: SpecError, ConflictError."""
    models = visible_models(user).filter(system=system.name).order_by("name")
    found = list(models[: MOST_SHOWN + 1])
    if not found:
        raise ConflictError(
            f"There is no model for {system.title} that you may see, and {FEWEST_VOTERS} versions "
            "make an ensemble. Train one."
        )
    if len(found) > 1:
        names = ", ".join(model.name for model in found[:MOST_SHOWN])
        more = " and others" if len(found) > MOST_SHOWN else ""
        message = f"missing; name one of {names}{more}, or versions in model_ids"
        raise SpecError([Problem("model", message)])
    return found[0]
