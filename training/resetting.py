"""Forgetting what came after the checkpoint a run goes on from, so that it counts once."""

from __future__ import annotations

from functools import partial

from django.db import transaction

from registry.artifacts.store import discard_unreferenced
from registry.checkpoints import drop_checkpoints
from registry.models import Checkpoint
from training import leases, lifecycle
from training.checkpointing import Memory
from training.leases import Lease
from training.models import EpisodeSummary, MetricPoint, Replay, Run, RunEvent
from training.reconnecting import persistently

OF_THE_LEARNER = (RunEvent.Kind.STAGE, RunEvent.Kind.LEARNER)


def reset(lease: Lease, memory: Memory, remarks: list[str]) -> None:
    """Bring the rows of a run back to the moment that `memory` remembers, and note the remarks.

    Raises: LeaseLostError.
    """
    persistently(partial(_reset, lease, memory, remarks))


@transaction.atomic
def _reset(lease: Lease, memory: Memory, remarks: list[str]) -> None:
    run = leases.hold(lease)
    MetricPoint.objects.filter(run=run, at__gt=memory.at).delete()
    EpisodeSummary.objects.filter(run=run, number__gt=memory.episodes).delete()
    RunEvent.objects.filter(run=run, kind__in=OF_THE_LEARNER, at_unit__gt=memory.at).delete()
    replays = Replay.objects.filter(run=run, number__gt=memory.episodes)
    digests = list(replays.values_list("artifact_id", flat=True))
    replays.delete()
    discard_unreferenced(digests)
    drop_checkpoints(list(Checkpoint.objects.filter(run_id=run.pk, at__gt=memory.at)))
    Run.objects.filter(pk=run.pk).update(done=memory.at)
    for remark in remarks:
        lifecycle.note(run.pk, remark, at_unit=memory.at)
