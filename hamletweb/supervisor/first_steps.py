"""What has to be in the database before anybody opens a page. Runs in a process with Django.

Each step may be done twice, and by two processes at once, with the effect of once.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from django.contrib.auth.hashers import check_password
from django.core.management import call_command
from django.db import connection
from django.db.models import Q, QuerySet

from hamlet.errors import SpecError
from hamlet.shipped import CONNECT_FOUR, shipped_bundle
from registry.accounts.models import ApiToken, Classroom, Role, Scope, User
from registry.accounts.services import (
    create_first_accounts,
    find_token,
    issue_token,
    revoke_token,
)
from registry.bundles.services import import_bundle
from registry.errors import RegistryError
from registry.models import RegisteredModel
from training.errors import TrainingError
from training.models import Run
from training.services import queue_run

MIGRATION_LOCK = 7_230_002  # any number that no other advisory lock uses
TOKEN_NAME = "make up"  # noqa: S105 - the name of the token, not its secret
FIRST_RUN = {"system": "town", "level": "L0.5", "name": "First steps"}


@dataclass(frozen=True)
class FirstSteps:
    """What `up` shows and keeps.

    Attributes:
        accounts, classroom: made just now; None where there were some before.
        valid_accounts, valid_classroom: those of an earlier start that still open something.
    """

    api_key: str | None
    accounts: dict[str, str] | None
    classroom: dict[str, str] | None
    valid_accounts: dict[str, str]
    valid_classroom: dict[str, str] | None
    notes: list[str]

    def to_data(self) -> dict[str, object]:
        return asdict(self)


def take_first_steps(
    known_api_key: str | None,
    known_accounts: Mapping[str, str] | None = None,
    known_classroom: Mapping[str, str] | None = None,
) -> FirstSteps:
    """Bring the tables up to date, make accounts, a run and a model if there are none, see to an
    API key.

    Args:
        known_api_key: the one in up.json; kept if it still opens everything.
        known_accounts: first passwords in up.json; those that were changed are no longer kept.
        known_classroom: name and join code in up.json.
    """
    migrate_alone()
    made = create_first_accounts()
    notes: list[str] = []
    api_key = admin_api_key(known_api_key)
    if api_key is None:
        notes.append("there is no active admin, so up.json holds no API key")
    new = not RegisteredModel.objects.exists()  # the run below will make one
    if not Run.objects.exists():
        notes.append(queue_first_run())
    if new:
        notes.append(bring_first_model())
    return FirstSteps(
        api_key=api_key,
        accounts=made and made.passwords,
        classroom=made and {"name": made.classroom, "join_code": made.join_code},
        valid_accounts=valid_accounts(known_accounts or {}),
        valid_classroom=valid_classroom(known_classroom),
        notes=notes,
    )


def valid_accounts(known: Mapping[str, str]) -> dict[str, str]:
    """Those names whose account still has this password."""
    encoded = dict(
        User.objects.filter(username__in=list(known), is_active=True).values_list(
            "username", "password"
        )
    )
    names = [name for name in known if name in encoded]
    with ThreadPoolExecutor() as pool:  # a hash takes a third of a second, and threads share it
        fits = list(pool.map(lambda name: check_password(known[name], encoded[name]), names))
    return {name: known[name] for name, fit in zip(names, fits, strict=True) if fit}


def valid_classroom(known: Mapping[str, str] | None) -> dict[str, str] | None:
    """The class with the code that opens it now; None if it is gone."""
    found = Classroom.objects.filter(name=known["name"]).first() if known else None
    return {"name": found.name, "join_code": found.spelled_code} if found else None


def migrate_alone() -> None:
    """Apply migrations; a second process that starts at the same time waits until they are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
    try:
        call_command("migrate", interactive=False, verbosity=1)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def admin_api_key(known: str | None) -> str | None:
    """A secret that opens everything: the known one, or a new one that takes its place."""
    token = find_token(known) if known else None
    if token and token.user in admins() and set(token.scopes) == set(Scope.values):
        return known
    owner = admins().order_by("pk").first()
    if owner is None:
        return None
    for old in ApiToken.objects.filter(user=owner, name=TOKEN_NAME, revoked_at=None):
        revoke_token(old)
    _, secret = issue_token(owner, TOKEN_NAME, Scope.values)
    return secret


def admins() -> QuerySet[User]:
    return User.objects.filter(
        Q(is_superuser=True) | Q(groups__name=Role.ADMIN), is_active=True
    ).distinct()


def queue_first_run() -> str:
    """Queue a short run of a small town, so that the first page shows an agent that learns."""
    first = first_teacher()
    if first is None:
        return "nobody teaches a class yet, so no first run was queued"
    teacher, classroom = first
    request = FIRST_RUN | {"classroom": classroom.name}
    try:
        run = queue_run(teacher, request, idempotency_key="first-run")
    except (SpecError, TrainingError) as error:  # the platform is of use without it
        return f"no first run was queued: {error}"
    return f"queued a first run: {run.name} ({run.level})"


def bring_first_model() -> str:
    """Register the trained opponent of Connect Four, so that there is somebody to play against."""
    first = first_teacher()
    if first is None:
        return f"nobody teaches a class yet, so {CONNECT_FOUR} was not registered"
    teacher, classroom = first
    try:
        import_bundle(shipped_bundle(CONNECT_FOUR), user=teacher, classroom=classroom)
    except (SpecError, RegistryError, OSError) as error:  # the platform is of use without it
        return f"{CONNECT_FOUR} was not registered: {error}"
    return f"registered a trained opponent: {CONNECT_FOUR}"


def first_teacher() -> tuple[User, Classroom] | None:
    """Who owns what comes with the platform, and the class that sees it."""
    teacher = (
        User.objects.filter(groups__name=Role.INSTRUCTOR, is_active=True, memberships__teaches=True)
        .order_by("pk")
        .first()
    )
    if teacher is None:
        return None
    return teacher, teacher.memberships.filter(teaches=True).order_by("pk").first().classroom
