"""Versions that a serving process keeps ready from its start: HAMLET_WARM_MODELS."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from registry.errors import RegistryError
from registry.models import ModelVersion
from registry.names import LATEST
from registry.queries import NUMBER
from registry.serving.targets import Target, target_of

logger = logging.getLogger(__name__)


def warm_targets(names: Iterable[str]) -> list[Target]:
    """Args: names: `model`, `model@alias` or `model/1.0.0`. One that names nothing is logged."""
    found = []
    for name in names:
        try:
            found.append(target_of(find_named(name)))
        except (ModelVersion.DoesNotExist, RegistryError) as error:
            logger.warning("HAMLET_WARM_MODELS: %s is not there (%s)", name, error)
    return found


def split_name(name: str) -> tuple[str, str]:
    """`model`, `model@alias`, `model/1.0.0` or `model:1.0.0` as (model, version or alias)."""
    for mark in "@:/":
        model, found, asked = name.strip().partition(mark)
        if found:
            return model, asked
    return name.strip(), LATEST


def find_named(name: str) -> ModelVersion:
    """Raises: ModelVersion.DoesNotExist."""
    model, asked = split_name(name)
    versions = ModelVersion.objects.select_related("model", "artifact").filter(model__name=model)
    if match := NUMBER.fullmatch(asked):
        major, minor, patch = map(int, match.groups())
        return versions.get(major=major, minor=minor, patch=patch)
    return versions.get(aliases__name=asked)
