"""Keep what somebody reports of a model."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from hamlet.errors import Problem, SpecError
from hamlet.schema import MapOf, Number, Section, Text, validate
from registry.accounts.models import User
from registry.errors import ConflictError
from registry.idempotency import check_key, made_before
from registry.jobs.services import body_hash
from registry.models import PerformanceReport, RegisteredModel

MOST_METRICS = 50
LONGEST_FEEDBACK = 2_000
# Of one person on one model; older ones go when new ones come, so that nobody crowds others out.
MOST_REPORTS = 1_000
BODY = Section(
    {
        "metrics": MapOf(
            Text(longest=60, pattern=r".+", shape="a name"),
            Number(-1e300, 1e300),
            longest=MOST_METRICS,
        ),
        "feedback": Text("", longest=LONGEST_FEEDBACK),
    }
)


def report(
    user: User, model: RegisteredModel, request: Any, *, idempotency_key: str | None = None
) -> tuple[PerformanceReport, bool]:
    """Keep a report; with a key that was used before, give the report it made then.

    Args: model: one that the user may see. request: `metrics`, and `feedback` if there is any.
    Returns: (the report, whether this call made it).
    Raises: SpecError naming every fault; ConflictError if the key was used for another report.
    """
    check_key(idempotency_key)
    read = validate(BODY, request)
    if not read["metrics"]:
        message = "found none; expected a name and a number at least"
        raise SpecError([Problem("metrics", message)])
    asked = body_hash([model.pk, read])
    if earlier := find_by_key(user, idempotency_key, asked):
        return earlier, False
    try:
        with transaction.atomic():
            kept = PerformanceReport.objects.create(
                model=model,
                reporter=user,
                idempotency_key=idempotency_key,
                request_hash=asked,
                **read,
            )
            forget_oldest(user, model)
    except IntegrityError:
        # The same key arrived twice at once; the other request won.
        if earlier := find_by_key(user, idempotency_key, asked):
            return earlier, False
        raise
    return kept, True


def find_by_key(user: User, key: str | None, asked: str) -> PerformanceReport | None:
    """Raises: ConflictError if the key was used for another report."""
    own = PerformanceReport.objects.filter(reporter=user)
    return made_before(own, key, asked, "report", ConflictError, named_by="uid")


def forget_oldest(user: User, model: RegisteredModel) -> None:
    own = PerformanceReport.objects.filter(model=model, reporter=user).order_by("-pk")
    last = own.values_list("pk", flat=True)[MOST_REPORTS : MOST_REPORTS + 1].first()
    if last is not None:
        own.filter(pk__lte=last).delete()
