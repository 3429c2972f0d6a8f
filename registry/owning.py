"""Whose a model is, and which class sees it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from registry.accounts.models import Classroom, User
from registry.audit import actions
from registry.models import RegisteredModel
from registry.services import note


def hand_over(
    model: RegisteredModel,
    *,
    owner: User | None,
    classroom: Classroom | None,
    user: User | None = None,
) -> RegisteredModel:
    """Give a model to an owner and a class; admins alone do so. Leaves an entry of who did."""
    given = {"owner": owner, "classroom": classroom}
    with transaction.atomic():
        # Of the model alone: its owner and class are not locked.
        locked = (
            RegisteredModel.objects.select_for_update(no_key=True, of=("self",))
            .select_related("owner", "classroom")
            .get(pk=model.pk)
        )
        changes: dict[str, Any] = {
            name: value for name, value in given.items() if getattr(locked, name) != value
        }
        if changes:
            RegisteredModel.objects.filter(pk=model.pk).update(**changes)
            locked.refresh_from_db()
            named = {name: str(value) if value else None for name, value in changes.items()}
            note(actions.MODEL_CHANGED, locked, user, {"changed": named})
    return locked
