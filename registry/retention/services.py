"""What a person asks of retention: a rule, its end, and doing what the rules say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from hamlet.schema import Integer, Section, validate
from registry.accounts.models import User
from registry.aliases.services import lock
from registry.audit import actions
from registry.audit.services import record
from registry.deleting.queries import preview
from registry.deleting.services import delete_version
from registry.errors import ConflictError
from registry.models import RegisteredModel
from registry.retention import queries
from registry.retention.models import RetentionRule
from registry.versions.models import VersionStatus
from registry.versions.services import set_status

logger = logging.getLogger(__name__)
MOST_DAYS = 36_500
FIELDS = Section(
    {
        "keep_newest": Integer(0, 1_000_000, 10),
        "archive_after_days": Integer(0, MOST_DAYS, 30),
        "delete_after_days": Integer(0, MOST_DAYS, None, optional=True),
    }
)


@dataclass
class Applied:
    """How many versions were put away, deleted, and left because something stood in the way."""

    archived: int = 0
    deleted: int = 0
    left: int = 0


def set_rule(
    model: RegisteredModel | None, fields: Mapping[str, Any], user: User | None = None
) -> RetentionRule:
    """Make the rule of a model, or of all models, or replace it.

    Raises: SpecError naming every fault.
    """
    read = validate(FIELDS, dict(fields))
    with transaction.atomic():
        rule, _ = RetentionRule.objects.update_or_create(model=model, defaults=read)
        note(model, user, read)
    return rule


def remove_rule(model: RegisteredModel | None, user: User | None = None) -> bool:
    """Returns: False if there was no rule."""
    with transaction.atomic():
        deleted, _ = RetentionRule.objects.filter(model=model).delete()
        if deleted:
            note(model, user, None)
    return deleted > 0


def note(model: RegisteredModel | None, user: User | None, rule: dict[str, Any] | None) -> None:
    record(
        actions.RETENTION_CHANGED,
        actor=user,
        kind="model" if model else "retention",
        subject=model.name if model else "all models",
        classroom_id=model.classroom_id if model else None,
        details={"rule": rule},
    )


def apply(
    now: datetime,
    models: QuerySet[RegisteredModel] | None = None,
    on_done: Callable[[int], None] = lambda count: None,
) -> Applied:
    """Archive and delete what the rules say. Doing it twice does nothing more.

    Each version is done by itself: what stands in the way of one keeps no other back.
    """
    applied = Applied()
    for planned in list(queries.plan(now, models)):
        try:
            carry_out(planned, now)
        except ConflictError as error:  # somebody needs it since a moment
            applied.left += 1
            logger.info("retention leaves %s: %s", planned.version, error)
        else:
            applied.archived += planned.action == queries.ARCHIVE
            applied.deleted += planned.action == queries.DELETE
        on_done(1)
    return applied


@transaction.atomic
def carry_out(planned: queries.Planned, now: datetime) -> None:
    """Under the lock of the model the plan is made once more: an alias may have come meanwhile.

    Raises: ConflictError.
    """
    version = planned.version
    lock(version.model)
    rule = queries.rule_of(version.model)
    still = queries.plan(now, RegisteredModel.objects.filter(pk=version.model_id))
    if (version.pk, planned.action) not in {(other.version.pk, other.action) for other in still}:
        raise ConflictError(f"{version} is no longer spare.")
    if planned.action == queries.ARCHIVE:
        reason = f"older than {rule.archive_after_days} days"
        set_status(version, VersionStatus.ARCHIVED, None, reason=reason)
    else:
        reason = f"archived for {rule.delete_after_days} days"
        delete_version(version, token=preview(version).token, reason=reason)
