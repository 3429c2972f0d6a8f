"""What was done, as far as the asker may know."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import Max, Q, QuerySet

from registry.accounts.models import User
from registry.accounts.queries import taught_classroom_ids
from registry.accounts.roles import is_admin, is_instructor
from registry.audit import actions
from registry.audit.models import AuditEntry
from registry.models import ModelVersion
from registry.names import subject_of

ORDER = ("-sequence",)


def visible_entries(user: User | AnonymousUser) -> QuerySet[AuditEntry]:
    """Everything for admins; for instructors what they did, and what was done in their classes."""
    if is_admin(user):
        return AuditEntry.objects.all()
    if not is_instructor(user):
        return AuditEntry.objects.none()
    taught = Q(classroom_number__in=taught_classroom_ids(user))
    return AuditEntry.objects.filter(Q(actor_number=user.pk) | taught)


def entries_about(
    user: User | AnonymousUser, filters: dict[str, str | None]
) -> QuerySet[AuditEntry]:
    """Those with this action, subject, kind and actor, where one of them is given."""
    chosen = {name: value for name, value in filters.items() if value}
    return visible_entries(user).filter(**chosen)


def history_of(version: ModelVersion) -> QuerySet[AuditEntry]:
    """What was done to a version; whoever sees the version may know it."""
    entries = entries_since_its_name_was_free(version.model.name)
    return entries.filter(kind="version", subject=subject_of(version)).order_by(*ORDER)


def entries_since_its_name_was_free(name: str) -> QuerySet[AuditEntry]:
    """Without those about an earlier model of that name, which others may have owned."""
    deletions = AuditEntry.objects.filter(kind="model", subject=name, action=actions.MODEL_DELETED)
    last = deletions.aggregate(last=Max("sequence"))["last"] or 0
    return AuditEntry.objects.filter(sequence__gt=last)
