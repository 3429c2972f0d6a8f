"""What the rules of retention would do: which versions are put away, and which go for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import (
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Window,
)
from django.db.models.functions import Coalesce, RowNumber

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

    One query, however many models there are. Args: models: those to look at; None for all.
    """
    old = Q(card__status__in=ARCHIVABLE, archive_due__lte=now)
    put_away = Q(card__status=VersionStatus.ARCHIVED, delete_due__lte=now)
    found = spare(ruled_versions(models)).filter(old | put_away)
    for version in found.order_by("model__name", *reversed_order()).iterator(chunk_size=500):
        if version.card.status == VersionStatus.ARCHIVED:
            yield Planned(version, DELETE, version.delete_due)
        else:
            yield Planned(version, ARCHIVE, version.archive_due)


def ruled_versions(models: QuerySet[RegisteredModel] | None) -> QuerySet[ModelVersion]:
    """Versions that are none of the newest, with the times at which their model's rule asks for
    something: `archive_due` and `delete_due`, null for never."""
    own = RetentionRule.objects.filter(model=OuterRef("model")).values("pk")
    general = RetentionRule.objects.filter(model=None).values("pk")
    rule = RetentionRule.objects.filter(pk=OuterRef("rule"))
    ranked = ModelVersion.objects.annotate(
        rule=Coalesce(Subquery(own), Subquery(general)),
        keep=Subquery(rule.values("keep_newest")),
        place=Window(RowNumber(), partition_by=F("model"), order_by=VERSION_ORDER),
    )
    if models is not None:
        ranked = ranked.filter(model__in=models.order_by().values("pk"))
    surplus = ranked.filter(place__gt=F("keep")).values("pk")
    return ModelVersion.objects.filter(pk__in=surplus).annotate(
        rule=Coalesce(Subquery(own), Subquery(general)),
        archive_due=F("created_at") + days(rule.values("archive_after_days")),
        delete_due=F("card__changed_at") + days(rule.values("delete_after_days")),
    )


def days(numbers: QuerySet[RetentionRule]) -> ExpressionWrapper:
    return ExpressionWrapper(Subquery(numbers) * timedelta(days=1), DurationField())


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
