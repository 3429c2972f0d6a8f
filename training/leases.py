"""Who may work on a run: leases with a heartbeat, and what happens when the heart stops.

A worker claims a queued run and is given a fencing token, one higher than any before. Every
write of the worker names its token, so a worker that was thought dead and wakes up late changes
nothing. A lease without heartbeat for RUN_LEASE_SECONDS is taken back; one whose holder
provably no longer exists is taken back at once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from registry import holder
from training import lifecycle
from training.errors import LeaseLostError, StatusConflictError
from training.models import Run, RunStatus, Wish

logger = logging.getLogger(__name__)

WISHED_STATUS = {
    Wish.RUN: RunStatus.QUEUED,
    Wish.PAUSE: RunStatus.PAUSED,
    Wish.CANCEL: RunStatus.CANCELLED,
}


@dataclass(frozen=True)
class Lease:
    """The right to work on a run until somebody is given a higher token."""

    run_id: UUID
    token: int


@transaction.atomic
def claim(run_id: UUID, holder_name: str) -> Lease | None:
    """Take a queued run, or one whose holder is certainly gone.

    Returns: None where there is nothing to do: the run is paused, ended, deleted or held.
    """
    run = Run.objects.filter(pk=run_id).first()
    if run is not None and run.status == RunStatus.RUNNING and holder.is_gone(run.lease_holder):
        take_back(run, "its worker died")
        run.refresh_from_db()
    if run is None or run.status != RunStatus.QUEUED:
        return None
    try:
        lifecycle.move(
            run_id,
            RunStatus.QUEUED,
            RunStatus.RUNNING,
            lease_holder=holder_name,
            fencing_token=F("fencing_token") + 1,
            attempts=F("attempts") + 1,
            heartbeat_at=Now(),
            started_at=Coalesce(F("started_at"), Now()),
            reason="",
        )
    except StatusConflictError:
        return None  # another worker was faster
    # Our own update holds the row until this transaction ends, so this is the token it gave.
    return Lease(run_id, Run.objects.values_list("fencing_token", flat=True).get(pk=run_id))


def heartbeat(lease: Lease, done: int) -> Wish:
    """Prolong the lease and show how far the run is.

    Returns: what people want of the run. Raises: LeaseLostError.
    """
    held = Run.objects.filter(pk=lease.run_id, status=RunStatus.RUNNING, fencing_token=lease.token)
    if not held.update(heartbeat_at=Now(), done=done):
        raise lost(lease)
    return Wish(Run.objects.values_list("wish", flat=True).get(pk=lease.run_id))


def hold(lease: Lease) -> Run:
    """Inside a transaction: make sure that the lease stands until the transaction ends.

    Raises: LeaseLostError.
    """
    run = (
        Run.objects.select_for_update(no_key=True)
        .filter(pk=lease.run_id, status=RunStatus.RUNNING, fencing_token=lease.token)
        .first()
    )
    if run is None:
        raise lost(lease)
    return run


def lost(lease: Lease) -> LeaseLostError:
    return LeaseLostError(
        f"the lease on run {lease.run_id} with token {lease.token} was taken over or ended; "
        "nothing more may be written under it"
    )


def hand_back(lease: Lease, text: str) -> RunStatus:
    """Give the run up in good order: it waits for the next worker, or rests as wished.

    An orderly stop is not an attempt that failed, so it does not count as one.
    """
    with transaction.atomic():
        run = hold(lease)
        new = WISHED_STATUS[Wish(run.wish)]
        lifecycle.move(
            lease.run_id,
            RunStatus.RUNNING,
            new,
            token=lease.token,
            text=text,
            attempts=max(run.attempts - 1, 0),
        )
    return new


def rest_as_wished(lease: Lease, wish: Wish) -> bool:
    """Pause or cancel, if that is still what people want.

    Returns: whether it was. Raises: LeaseLostError.
    """
    with transaction.atomic():
        run = hold(lease)
        if run.wish != wish or wish == Wish.RUN:
            return False
        lifecycle.move(
            lease.run_id,
            RunStatus.RUNNING,
            WISHED_STATUS[wish],
            token=lease.token,
            attempts=max(run.attempts - 1, 0),
        )
    return True


def take_back(run: Run, why: str) -> RunStatus | None:
    """End the lease of a worker that is gone, if the run still is as we saw it.

    Returns: the new status; None if the worker lives after all or somebody else was faster.
    """
    new, reason = WISHED_STATUS[Wish(run.wish)], ""
    if new == RunStatus.QUEUED and run.attempts >= settings.RUN_MAX_ATTEMPTS:
        new = RunStatus.FAILED
        reason = (
            f"{run.attempts} workers in a row died on this run before it got further than "
            f"{run.unit} {run.done}. Look into the log of the workers, then resume it."
        )
    try:
        lifecycle.move(
            run.pk,
            RunStatus.RUNNING,
            new,
            token=run.fencing_token,
            expected={"heartbeat_at": run.heartbeat_at, "wish": run.wish},
            text=why,
            reason=reason,
        )
    except (StatusConflictError, LeaseLostError):
        return None
    logger.warning("run %s: %s; it is %s now", run.pk, why, new)
    return new


def take_back_abandoned() -> list[Run]:
    """Take back every run whose lease has lapsed or whose holder is certainly gone.

    Returns: the runs that are queued again and need a message.
    """
    lease_time = timedelta(seconds=settings.RUN_LEASE_SECONDS)
    running = Run.objects.filter(status=RunStatus.RUNNING)
    lapsed = [
        (run, f"no heartbeat for {settings.RUN_LEASE_SECONDS} s")
        for run in running.filter(heartbeat_at__lt=Now() - lease_time)
    ]
    seen = {run.pk for run, _ in lapsed}
    beat = timedelta(seconds=settings.RUN_HEARTBEAT_SECONDS)
    silent = running.filter(heartbeat_at__lt=Now() - beat).exclude(pk__in=seen)
    lapsed += [(run, "its worker died") for run in silent if holder.is_gone(run.lease_holder)]
    return [run for run, why in lapsed if take_back(run, why) == RunStatus.QUEUED]
