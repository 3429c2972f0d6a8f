"""What a worker does with a run: claim it, take it up where it was left, train, save, register.

Whatever happens, the run ends in a state that says why, or its lease lapses and the next worker
goes on from the last training checkpoint.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError

from hamlet.errors import HamletError
from registry import holder, shutdown
from training import dispatch, leases, lifecycle
from training.errors import LeaseLostError, RunFailedError, StatusConflictError
from training.lease_keeper import LeaseKeeper
from training.leases import Lease
from training.models import Run, RunStatus
from training.reconnecting import persistently
from training.session import Session, Stopped

logger = logging.getLogger(__name__)


def execute(run_id: UUID) -> None:
    """Work on the run until it ends or this worker is asked to stop.

    Does nothing for a run that is paused, ended, or held by a living worker: messages come at
    least once.
    """
    lease = persistently(partial(leases.claim, run_id, holder.this_process()))
    if lease is None:
        logger.info("run %s needs no work now", run_id)
        return
    run = persistently(partial(find_run, run_id))
    logger.info("run %s (%s): attempt %d begins", run_id, run.name, run.attempts)
    with shutdown.listening():
        with LeaseKeeper(lease, run.done) as keeper:
            after = attempt(run, lease, keeper)
        after()


def find_run(run_id: UUID) -> Run:
    return Run.objects.select_related("model", "owner", "classroom").get(pk=run_id)


def attempt(run: Run, lease: Lease, keeper: LeaseKeeper) -> Callable[[], None]:
    """Work on a claimed run. Returns: what is to be done once the heart has stopped."""
    try:
        stopped = Session(run, lease, keeper).work()
    except (LeaseLostError, StatusConflictError) as error:
        logger.warning("run %s: stopped at once: %s", run.pk, error)
    except (OperationalError, InterfaceError):
        logger.exception("run %s: the database stayed away", run.pk)
        return partial(give_up, lease)
    except (HamletError, RunFailedError) as error:
        fail(keeper, str(error))
    except MemoryError:
        fail(keeper, "The worker ran out of memory. Choose a smaller replay, network or num_envs.")
    except Exception as error:
        fail(keeper, f"The trainer stopped with an error: {spelled(error)}")
    else:
        logger.info("run %s: %s", run.pk, stopped.value)
        if stopped is Stopped.HANDED_BACK:
            return partial(dispatch.send, run)
    return lambda: None


def give_up(lease: Lease) -> None:
    """Let the next worker try from the last checkpoint, now if the database can be told so."""
    try:
        run = Run.objects.get(pk=lease.run_id, fencing_token=lease.token, status=RunStatus.RUNNING)
        if leases.take_back(run, "its worker lost the database") == RunStatus.QUEUED:
            dispatch.send(run)
    except (DatabaseError, Run.DoesNotExist) as error:
        logger.warning("run %s: left to its lease: %s", lease.run_id, error)


def fail(keeper: LeaseKeeper, reason: str) -> None:
    """End the run with a reason for people; the traceback is for the log alone."""
    lease = keeper.lease
    keeper.expect_the_end()
    logger.exception("run %s failed: %s", lease.run_id, reason)
    try:
        persistently(
            partial(
                lifecycle.move,
                lease.run_id,
                RunStatus.RUNNING,
                RunStatus.FAILED,
                token=lease.token,
                reason=reason,
                text=reason,
            )
        )
    except (LeaseLostError, StatusConflictError, DatabaseError) as error:
        logger.warning("run %s: its failure could not be noted: %s", lease.run_id, error)


def spelled(error: Exception) -> str:
    """One line of a size that people read."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__
