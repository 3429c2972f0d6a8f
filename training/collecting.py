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
from django.utils import timezone

from registry.artifacts import collecting
from registry.artifacts.store import discard_unreferenced
from registry.checkpoints import drop_checkpoints
from registry.jobs.retention import forget_old_jobs
from registry.models import Checkpoint
from registry.retention import services as retention
from registry.serving.retention import drop_old_partitions, make_partitions
from registry.webhooks.keeping import drop_old_deliveries
from training.models import ENDED, Replay, Run, RunStatus

logger = logging.getLogger(__name__)

REPLAYS_AT_ONCE = 500
CHECKPOINTS_AT_ONCE = 100
# Nobody can try these again, so the checkpoint before the last one is of no more use.
OVER = (RunStatus.SUCCEEDED, RunStatus.CANCELLED)


def collect_garbage() -> None:
    """One round. What one part cannot do now keeps no other from its work."""
    parts: dict[str, Callable[[], object]] = {
        "old replays": drop_old_replays,
        "spare training checkpoints": drop_spare_checkpoints,
        "versions by their retention rules": lambda: retention.apply(timezone.now()),
        "prediction jobs": forget_old_jobs,
        "deliveries of webhooks": drop_old_deliveries,
        "days of predictions": drop_old_partitions,
        "coming days of predictions": make_partitions,
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


def drop_spare_checkpoints() -> int:
    """Forget what runs that are over could have gone on from, but for each one's newest.

    Returns: how many were dropped.
    """
    dropped = 0
    while batch := list(spare_checkpoints()[:CHECKPOINTS_AT_ONCE]):
        drop_checkpoints(batch)
        dropped += len(batch)
    return dropped


def spare_checkpoints() -> QuerySet[Checkpoint]:
    saved = Checkpoint.objects.filter(kind=Checkpoint.Kind.TRAINING)
    newer = saved.filter(run_id=OuterRef("run_id"), at__gt=OuterRef("at"))
    over = Run.objects.filter(status__in=OVER).values("pk")
    return saved.filter(Exists(newer), run_id__in=over).order_by("pk")
