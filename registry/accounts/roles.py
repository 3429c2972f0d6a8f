"""The three roles: Django groups with explicit permissions, and how code asks about them.

The table below is what migrations 0003, 0005 and 0012, and 0004 of training, write. A later change
of it needs a new migration, as a change of a model does.

| role | does |
|---|---|
| student | looks, predicts, downloads, in the classes it is in |
| instructor | besides: steers runs, writes brains, keeps models, versions and aliases, webhooks |
| admin | everything, everywhere |
"""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.models import AnonymousUser

from registry.accounts.models import Role, User

VIEWED = (
    "registry.alias",
    "registry.aliasmove",
    "registry.artifact",
    "registry.brainspec",
    "registry.checkpoint",
    "registry.export",
    "registry.job",
    "registry.modelversion",
    "registry.performancereport",
    "registry.registeredmodel",
    "registry.versioncard",
    "registry.versioncheck",
    "training.dataset",
    "training.episodesummary",
    "training.game",
    "training.metricpoint",
    "training.replay",
    "training.run",
    "training.runevent",
)
STUDENT = (
    *(label.replace(".", ".view_") for label in VIEWED),
    "registry.predict_modelversion",
    "registry.download_modelversion",
    "training.add_game",
)
INSTRUCTOR = (
    *STUDENT,
    "registry.add_brainspec",
    "registry.change_brainspec",
    "registry.delete_brainspec",
    "registry.add_registeredmodel",
    "registry.change_registeredmodel",
    "registry.delete_registeredmodel",
    "registry.add_modelversion",
    "registry.delete_modelversion",
    "registry.change_versioncard",
    "registry.add_versioncheck",
    "registry.view_auditentry",
    "registry.view_retentionrule",
    "registry.add_webhook",
    "registry.change_webhook",
    "registry.delete_webhook",
    "registry.view_webhook",
    "registry.view_webhookdelivery",
    "registry.add_alias",
    "registry.change_alias",
    "registry.delete_alias",
    "registry.view_classroom",
    "training.add_dataset",
    "training.add_run",
    "training.change_run",
)
MANAGED = (
    *VIEWED,
    "registry.apitoken",
    "registry.classroom",
    "registry.membership",
    "registry.retentionrule",
)
ADMIN = (
    *INSTRUCTOR,
    *(
        label.replace(".", f".{action}_")
        for label in (*MANAGED, "registry.user")
        for action in ("add", "change", "delete", "view")
    ),
)
PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    Role.STUDENT.value: tuple(dict.fromkeys(STUDENT)),
    Role.INSTRUCTOR.value: tuple(dict.fromkeys(INSTRUCTOR)),
    Role.ADMIN.value: tuple(dict.fromkeys(ADMIN)),
}

RANK = {Role.STUDENT: 0, Role.INSTRUCTOR: 1, Role.ADMIN: 2}


def role_of(user: User | AnonymousUser) -> Role | None:
    """The highest role of a user; None for a stranger. A superuser is an admin."""
    if not user.is_authenticated or not user.is_active:
        return None
    if user.is_superuser:
        return Role.ADMIN
    # One query a request, not one a question: the groups are kept on the user.
    names = getattr(user, "_role_names", None)
    if names is None:
        names = {group.name for group in user.groups.all()}
        user._role_names = names
    found = [role for role in Role if role.value in names]
    return max(found, key=RANK.__getitem__, default=None)


def is_admin(user: User | AnonymousUser) -> bool:
    return role_of(user) is Role.ADMIN


def is_instructor(user: User | AnonymousUser) -> bool:
    """True for instructors and admins."""
    return role_of(user) in (Role.INSTRUCTOR, Role.ADMIN)


def teaches(user: User, classroom_id: int | None) -> bool:
    """Whether this user teaches that class. Admins teach all of them."""
    if is_admin(user):
        return True
    return (
        classroom_id is not None
        and is_instructor(user)
        and user.memberships.filter(classroom_id=classroom_id, teaches=True).exists()
    )
