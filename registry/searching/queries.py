"""Versions of all models at once, as far as the asker may see them."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from registry.accounts.models import User
from registry.accounts.roles import is_admin
from registry.models import ModelVersion
from registry.queries import visible_models

NEWEST_FIRST = ("-created_at", "-id")


def visible_versions(user: User | AnonymousUser) -> QuerySet[ModelVersion]:
    """The versions of the models that the user may see, ready to be listed."""
    versions = (
        ModelVersion.objects.select_related(
            "model__owner", "model__classroom", "artifact", "registered_by", "card", "parent"
        )
        .prefetch_related("aliases")
        .defer("signature", "parent__signature", "parent__parameters", "parent__lineage")
    )
    if is_admin(user):
        return versions
    return versions.filter(model__in=visible_models(user))


def listed_versions(user: User | AnonymousUser) -> QuerySet[ModelVersion]:
    """`visible_versions` for a page that shows neither parameters nor origin."""
    versions = visible_versions(user).select_related(None).defer(None)
    return versions.select_related("model__owner", "card").defer(
        "signature", "lineage", "parameters"
    )
