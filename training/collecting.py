"""Once a day: remove what nobody needs any more. Safe to do twice, and twice at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from registry.artifacts import collecting
from registry.artifacts.store import discard_unreferenced
from training.models import ENDED, Replay

logger = logging.getLogger(__name__)

REPLAYS_AT_ONCE = 500


def collect_garbage() -> None:
    """One round. What one part cannot do now keeps no other from its work."""
    parts: dict[str, Callable[[], object]] = {
        "old replays": drop_old_replays,
        "files": collecting.collect,
        "sessions": SessionStore.clear_expired,
    }
    for name, collect in parts.items():
        try:
            logger.info("collected %s: %s", name, collect())
        except (DatabaseError, OSError):
            logger.exception("collecting %s has to wait for the next round", name)


def drop_old_replays() -> int:
    """Forget the recordings of runs that ended REPLAY_DAYS ago, but for each one's newest.

    Returns: how many were dropped.
    """
    if settings.REPLAY_DAYS <= 0:
        return 0
    dropped = 0
    while batch := list(old_replays().values_list("pk", "artifact_id")[:REPLAYS_AT_ONCE]):
        Replay.objects.filter(pk__in=[pk for pk, _ in batch]).delete()
        discard_unreferenced(sorted({digest for _, digest in batch}))
        dropped += len(batch)
    return dropped


def old_replays() -> QuerySet[Replay]:
    newer = Replay.objects.filter(run=OuterRef("run"), number__gt=OuterRef("number"))
    return Replay.objects.filter(
        Exists(newer),
        run__status__in=ENDED,
        run__ended_at__lt=Now() - timedelta(days=settings.REPLAY_DAYS),
    ).order_by("pk")
