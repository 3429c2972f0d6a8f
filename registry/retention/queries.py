"""What the rules of retention would do: which versions are put away, and which go for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet

from registry.accounts.models import User
from registry.accounts.roles import is_admin
from registry.models import Alias, ModelVersion, RegisteredModel
from registry.names import LATEST
from registry.queries import VERSION_ORDER, visible_models
from registry.retention.models import RetentionRule
from registry.versions.models import VersionStatus

ARCHIVE, DELETE = "archive", "delete"
KEEP = "keep"  # the tag
RULE_ORDER = ("model__name", "pk")
ARCHIVABLE = (VersionStatus.REGISTERED, VersionStatus.VALIDATED)


@dataclass(frozen=True)
class Planned:
    """One version, what is to be done with it, and since when it is due."""

    version: ModelVersion
    action: str
    due_since: datetime

    @property
    def title(self) -> str:
        return "is archived" if self.action == ARCHIVE else "is deleted for good"


def visible_rules(user: User | AnonymousUser) -> QuerySet[RetentionRule]:
    """The rule for all models, and those of models that the user may see."""
    rules = RetentionRule.objects.select_related("model")
    if is_admin(user):
        return rules
    return rules.filter(Q(model=None) | Q(model__in=visible_models(user).values("pk")))


def rule_of(model: RegisteredModel) -> RetentionRule | None:
    """Its own, or the one for all models."""
    rules = RetentionRule.objects.filter(Q(model=model) | Q(model=None))
    return max(rules, key=lambda rule: rule.model_id is not None, default=None)


def plan(now: datetime, models: QuerySet[RegisteredModel] | None = None) -> Iterator[Planned]:
    """What the rules ask for at this moment, model by model, the oldest version first.

    Args: models: those to look at; None for all.
    """
    rules = {rule.model_id: rule for rule in RetentionRule.objects.all()}
    if not rules:
        return
    wanted = (RegisteredModel.objects.all() if models is None else models).order_by("name")
    if None not in rules:
        wanted = wanted.filter(pk__in=rules)
    for model in wanted:
        yield from plan_of(model, rules.get(model.pk) or rules[None], now)


def plan_of(model: RegisteredModel, rule: RetentionRule, now: datetime) -> Iterator[Planned]:
    newest = model.versions.order_by(*VERSION_ORDER).values("pk")[: rule.keep_newest]
    # As a list: a slice cannot stand in a subquery that is excluded.
    kept = list(newest.values_list("pk", flat=True))
    versions = spare(model.versions.exclude(pk__in=kept)).order_by(*reversed_order())
    archive_after = timedelta(days=rule.archive_after_days)
    old = versions.filter(card__status__in=ARCHIVABLE, created_at__lte=now - archive_after)
    for version in old:
        yield Planned(version, ARCHIVE, version.created_at + archive_after)
    if rule.delete_after_days is None:
        return
    delete_after = timedelta(days=rule.delete_after_days)
    put_away = versions.filter(
        card__status=VersionStatus.ARCHIVED, card__changed_at__lte=now - delete_after
    )
    for version in put_away:
        yield Planned(version, DELETE, version.card.changed_at + delete_after)


def spare(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """Those that no alias but `latest` names, none descends from, and nobody tagged `keep`."""
    named = Alias.objects.filter(version=OuterRef("pk")).exclude(name=LATEST)
    children = ModelVersion.objects.filter(parent=OuterRef("pk"))
    return (
        versions.filter(~Exists(named), ~Exists(children))
        .exclude(card__tags__has_key=KEEP)
        .select_related("model", "card")
        .defer("signature", "lineage", "parameters")
    )


def reversed_order() -> list[str]:
    return [name.removeprefix("-") for name in VERSION_ORDER]
