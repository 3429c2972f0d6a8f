"""Who there is, as far as the asker may know."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet

from registry.accounts.models import ApiToken, Classroom, Membership, User
from registry.accounts.roles import is_admin, is_instructor


def taught_classrooms(user: User | AnonymousUser) -> QuerySet[Classroom]:
    """Classes in which a user may start runs and change models."""
    if is_admin(user):
        return Classroom.objects.all()
    if not is_instructor(user):
        return Classroom.objects.none()
    return Classroom.objects.filter(memberships__user=user, memberships__teaches=True)


def classroom_ids(user: User) -> QuerySet:
    """Ids of the user's classes, to be used as a subquery."""
    return Membership.objects.filter(user=user).values("classroom_id")


def taught_classroom_ids(user: User) -> QuerySet:
    return Membership.objects.filter(user=user, teaches=True).values("classroom_id")


def owned_or_shared(user: User | AnonymousUser) -> Q:
    """The rule of visibility for anything with `owner` and `classroom`; not for admins.

    One's own things, and those of the classes one is in.
    """
    return Q(owner=user) | Q(classroom__in=classroom_ids(user))


def owned_or_taught(user: User) -> Q:
    """The rule of who may change a thing with `owner` and `classroom`; not for admins."""
    return Q(owner=user) | Q(classroom__in=taught_classroom_ids(user))


def shares_a_class_with_owner(user: User) -> Exists:
    """True for rows whose `owner` is in a class of this user."""
    return Exists(
        Membership.objects.filter(user=OuterRef("owner"), classroom__in=classroom_ids(user))
    )


def tokens_of(user: User) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=user)
