"""The status of a version: one table of legal moves, one way to move.

    registered -> validated          its check passed
    validated <-> staged             a person found it fit to be put into service
    validated, staged -> deployed    the alias `production` came to it
    deployed -> staged               that alias left it
    any but deployed -> archived     put away: it answers no more
    archived -> registered           taken out again, to be checked anew
    validated, staged -> registered  a later check failed

Only this file writes `status`.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from registry.accounts.models import User
from registry.audit import actions
from registry.audit.services import record
from registry.errors import ConflictError
from registry.models import ModelVersion
from registry.names import subject_of
from registry.versions.models import VersionCard, VersionStatus

NEXT = {
    VersionStatus.REGISTERED: {VersionStatus.VALIDATED, VersionStatus.ARCHIVED},
    VersionStatus.VALIDATED: {
        VersionStatus.STAGED,
        VersionStatus.DEPLOYED,
        VersionStatus.ARCHIVED,
        VersionStatus.REGISTERED,
    },
    VersionStatus.STAGED: {
        VersionStatus.VALIDATED,
        VersionStatus.DEPLOYED,
        VersionStatus.ARCHIVED,
        VersionStatus.REGISTERED,
    },
    VersionStatus.DEPLOYED: {VersionStatus.STAGED},
    VersionStatus.ARCHIVED: {VersionStatus.REGISTERED},
}


class IllegalStatusError(ConflictError):
    """The status does not follow the one the version has."""


def status_of(version: ModelVersion) -> VersionStatus:
    """As it is in the database now."""
    return VersionStatus(
        VersionCard.objects.values_list("status", flat=True).get(version_id=version.pk)
    )


@transaction.atomic
def move(
    version: ModelVersion, new: str, *, user: User | None = None, reason: str = ""
) -> VersionStatus:
    """Move a version from the status it has to another, or change nothing.

    Returns: the status it had. Raises: IllegalStatusError if the table has no such move, or
        somebody else moved the version in this moment.
    """
    old = status_of(version)
    if new not in NEXT[old]:
        expected = ", ".join(sorted(NEXT[old]))
        raise IllegalStatusError(
            f"{version} is {old} and cannot become {new}; from here it may become {expected}."
        )
    # The status in WHERE makes this a compare-and-swap: of two at once, one wins.
    cards = VersionCard.objects.filter(version_id=version.pk, status=old)
    if not cards.update(status=new, changed_at=Now()):
        raise IllegalStatusError(f"{version} is no longer {old}; reload it and try again.")
    record(
        actions.VERSION_MOVED,
        actor=user,
        kind="version",
        subject=subject_of(version),
        classroom_id=version.model.classroom_id,
        details={"old": str(old), "new": str(new), "reason": reason},
    )
    return old
