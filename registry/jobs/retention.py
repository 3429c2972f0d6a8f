"""Jobs whose time is over: row, question and answer go together."""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models.functions import Now

from registry.artifacts.store import discard_unreferenced
from registry.jobs.models import ENDED, Job

logger = logging.getLogger(__name__)
ROWS_AT_ONCE = 500


def forget_old_jobs() -> int:
    """Remove ended jobs that were kept for as long as promised. Returns: how many.

    A file that another job or row still points at stays.
    """
    forgotten = 0
    while count := _forget_some():
        forgotten += count
    if forgotten:
        logger.info("%d old jobs forgotten", forgotten)
    return forgotten


@transaction.atomic
def _forget_some() -> int:
    old = (
        Job.objects.select_for_update(skip_locked=True)
        .filter(status__in=ENDED, kept_until__lt=Now())
        .order_by("kept_until")
        .values_list("pk", "question_id", "answer_id")[:ROWS_AT_ONCE]
    )
    rows = list(old)
    Job.objects.filter(pk__in=[pk for pk, _, _ in rows]).delete()
    digests = {digest for _, *files in rows for digest in files if digest}
    discard_unreferenced(sorted(digests))
    return len(rows)
