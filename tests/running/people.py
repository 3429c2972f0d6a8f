"""One person of each role, with a random password kept at `plain_password`."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import Group, Permission

from registry.accounts.models import Classroom, Membership, Role, User
from registry.accounts.roles import PERMISSIONS


def make_person(name: str, role: Role, classroom: Classroom | None = None) -> User:
    """Make an account in a role; in a class, an instructor teaches it."""
    password = secrets.token_urlsafe(12)
    user = User.objects.create_user(name, email=f"{name}@example.org", password=password)
    user.groups.add(Group.objects.get(name=role.value))
    user.plain_password = password
    if classroom is not None:
        Membership.objects.create(classroom=classroom, user=user, teaches=role is not Role.STUDENT)
    return user


def make_classroom(name: str) -> Classroom:
    return Classroom.objects.create(name=name, join_code=secrets.token_hex(5))


def ensure_roles() -> None:
    """Make the groups again that a migration made and a TRUNCATE took away."""
    if Group.objects.filter(name__in=PERMISSIONS).count() == len(PERMISSIONS):
        return
    known = {
        f"{app}.{codename}": pk
        for app, codename, pk in Permission.objects.values_list(
            "content_type__app_label", "codename", "pk"
        )
    }
    for role, labels in PERMISSIONS.items():
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set([known[label] for label in labels])
