"""Versions to be compared, as far as the asker may see them."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.http import HttpRequest

from registry.accounts.models import User
from registry.comparing.choosing import check_count, in_asked_order, newest_found
from registry.comparing.subjects import SEED, Subject
from registry.models import ModelVersion
from registry.queries import NUMBER
from registry.searching.queries import NEWEST_FIRST, visible_versions
from registry.searching.tables import VERSIONS

MOST_VERSIONS = 50


def key_of(version: ModelVersion) -> str:
    return f"{version.model.name}:{version.number}"


def versions_named(user: User | AnonymousUser, keys: Sequence[str]) -> list[ModelVersion]:
    """The versions that `model:1.0.0` name, in that order; what cannot be seen is left out.

    Raises: SpecError for too many of them.
    """
    check_count(keys, MOST_VERSIONS, "versions")
    named = [condition for key in keys if (condition := named_by(key)) is not None]
    if not named:
        return []
    rows = visible_versions(user).filter(Q(*named, _connector=Q.OR))
    return in_asked_order(rows, keys, key_of)


def named_by(key: str) -> Q | None:
    name, _, number = key.rpartition(":")
    match = NUMBER.fullmatch(number)
    if not name or match is None or "\x00" in name:
        return None
    major, minor, patch = map(int, match.groups())
    return Q(model__name=name, major=major, minor=minor, patch=patch)


def newest_versions_found(request: HttpRequest) -> list[ModelVersion]:
    """Those that the query of the request finds. Raises: SearchError."""
    rows = visible_versions(request.user)
    return newest_found(request, rows, NEWEST_FIRST, VERSIONS, MOST_VERSIONS)


def subject_of(version: ModelVersion) -> Subject:
    parameters = dict(version.parameters)
    if "seed" in version.lineage:
        parameters.setdefault(SEED, version.lineage["seed"])
    return Subject(
        key=key_of(version),
        name=str(version),
        url=version.get_absolute_url(),
        parameters=parameters,
        metrics=version.metrics,
        facts={
            "status": version.card.status,
            "format": version.format,
            "created_at": version.created_at.isoformat(),
            "run_id": str(version.run_id) if version.run_id else None,
        },
    )
