"""The states of a run: one table of legal moves, one way to move, and what people may wish.

    queued -> running -> succeeded | failed | cancelled
    queued <-> running       handed back, taken over, started anew
    queued, running -> paused -> queued
    failed -> queued         tried again from its last checkpoint

Only this file writes `status` and `wish`. All times are the database's, so a wrong clock on a
worker's machine neither holds a lease nor loses one.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from registry.models import User
from training import events
from training.errors import IllegalTransitionError, LeaseLostError, StatusConflictError
from training.models import ENDED, Run, RunEvent, RunStatus, Wish

NEXT = {
    RunStatus.QUEUED: {
        RunStatus.RUNNING,
        RunStatus.PAUSED,
        RunStatus.CANCELLED,
        RunStatus.FAILED,
    },
    RunStatus.RUNNING: {
        RunStatus.QUEUED,
        RunStatus.PAUSED,
        RunStatus.SUCCEEDED,
        RunStatus.FAILED,
        RunStatus.CANCELLED,
    },
    RunStatus.PAUSED: {RunStatus.QUEUED, RunStatus.CANCELLED},
    RunStatus.FAILED: {RunStatus.QUEUED},
}

# What a person may still wish of a run that is running, given what was wished before.
NEXT_WISH = {
    Wish.RUN: {Wish.PAUSE, Wish.CANCEL},
    Wish.PAUSE: {Wish.RUN, Wish.CANCEL},
    Wish.CANCEL: set(),
}


@transaction.atomic
def move(
    run_id: UUID,
    old: str,
    new: str,
    *,
    token: int | None = None,
    expected: dict[str, Any] | None = None,
    text: str = "",
    actor: User | None = None,
    **changes: Any,
) -> None:
    """Move a run from one status to another, or change nothing.

    Args:
        token: of the lease, where a worker moves the run; a token given out since refuses it.
        expected: further fields that must still have these values.
        text: why, for the list of events. actor: who asked for it.
        changes: fields that change together with the status.

    Raises: IllegalTransitionError if the table has no such move, LeaseLostError if the worker's
        token is no longer the run's, StatusConflictError if somebody else moved the run first.
    """
    if new not in NEXT.get(old, ()):
        raise IllegalTransitionError(f"a {old} run cannot become {new}")
    conditions = dict(expected or {})
    if token is not None:
        conditions["fencing_token"] = token
    changes |= clean_slate(new)
    # The status in WHERE makes this a compare-and-swap: of two racing workers, one wins.
    rows = Run.objects.filter(pk=run_id, status=old, **conditions)
    if not rows.update(status=new, **changes):
        if token is not None and not Run.objects.filter(pk=run_id, fencing_token=token).exists():
            raise LeaseLostError(f"run {run_id} is held by another worker now")
        raise StatusConflictError(f"run {run_id} is no longer {old}; reload it and try again")
    RunEvent.objects.create(
        run_id=run_id, old_status=old, new_status=new, text=text, actor=actor, happened_at=Now()
    )
    transaction.on_commit(partial(events.publish_news, run_id))


def clean_slate(new: str) -> dict[str, Any]:
    """Fields that every move to this status sets, unless the move is to `running`."""
    if new == RunStatus.RUNNING:
        return {}
    changes: dict[str, Any] = {"lease_holder": "", "heartbeat_at": None, "wish": Wish.RUN}
    if new == RunStatus.QUEUED:
        changes["queued_at"] = Now()
        changes["ended_at"] = None
    if new in ENDED:
        changes["ended_at"] = Now()
    return changes


@transaction.atomic
def wish(run_id: UUID, new: str, *, actor: User | None = None) -> None:
    """Note what a person wants of a running run; its worker sees it at its next heartbeat.

    Raises: IllegalTransitionError if it is too late to wish that, StatusConflictError if the run
        stopped running meanwhile.
    """
    run = Run.objects.select_for_update(no_key=True).get(pk=run_id)
    if run.status != RunStatus.RUNNING:
        raise StatusConflictError(f"run {run_id} is no longer running; reload it and try again")
    if new == run.wish:
        return
    if new not in NEXT_WISH[run.wish]:
        raise IllegalTransitionError("the run is being cancelled; start a new one instead")
    Run.objects.filter(pk=run_id).update(wish=new)
    text = {Wish.RUN: "asked to go on", Wish.PAUSE: "asked to pause"}.get(new, "asked to stop")
    note(run_id, text, actor=actor)
    transaction.on_commit(partial(events.publish_news, run_id))


def note(run_id: UUID, text: str, *, at_unit: int | None = None, actor: User | None = None) -> None:
    """Keep a remark beside the moves of the run."""
    RunEvent.objects.create(
        run_id=run_id,
        kind=RunEvent.Kind.NOTE,
        text=text,
        at_unit=at_unit,
        actor=actor,
        happened_at=Now(),
    )
