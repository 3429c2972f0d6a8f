"""The trials of a search as its job remembers them, and the runs that they are."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from registry.jobs.models import Job
from training import lifecycle
from training.errors import IllegalTransitionError, StatusConflictError
from training.models import MetricPoint, Run, RunStatus, Wish

NAME = "hypersearch"  # of the kind of jobs
METRIC = "val_loss"
# Planned: chosen, and perhaps a run by now. Stopped: it was worse than others were by then.
PLANNED, RUNNING, COMPLETED, STOPPED, FAILED, CANCELLED = TRIAL_STATUSES = (
    "planned",
    "running",
    "completed",
    "stopped",
    "failed",
    "cancelled",
)
OPEN = (PLANNED, RUNNING)
logger = logging.getLogger(__name__)
Curve = tuple[tuple[int, float], ...]  # (epoch, val_loss), in order


@dataclass(frozen=True)
class Trial:
    """One attempt.

    Attributes:
        number: from 1. values: by the path of the setting.
        run: its id, once there is one. value: the lowest val_loss so far, reached at epoch `at`.
        seen: the last epoch that was judged. stopped_at: the epoch by which it was worse than
            others; its run may take a moment to end. reason: why it failed or was stopped.
    """

    number: int
    values: Mapping[str, Any] = field(default_factory=dict)
    status: str = PLANNED
    run: str | None = None
    value: float | None = None
    at: int | None = None
    seen: int = 0
    stopped_at: int | None = None
    reason: str = ""

    @property
    def open(self) -> bool:
        return self.status in OPEN

    def to_data(self) -> dict[str, Any]:
        return asdict(self)


def trials_of(state: Any) -> list[Trial]:
    """Args: state: of the job; None before its first trial."""
    return [Trial(**data) for data in (state or {"trials": []})["trials"]]


def best_of(trials: list[Trial]) -> Trial | None:
    """The completed trial with the lowest value; of equals the first."""
    completed = [trial for trial in trials if trial.status == COMPLETED and trial.value is not None]
    return min(completed, key=lambda trial: trial.value, default=None)


def key_of(job: Job, number: int) -> str:
    """The Idempotency-Key of a trial's run: it is queued once, whoever dies when."""
    return f"{NAME}-{job.pk}-{number}"


def run_of(job: Job, number: int) -> Run | None:
    """The run of a trial, if it has been queued."""
    return Run.objects.filter(owner_id=job.owner_id, idempotency_key=key_of(job, number)).first()


def curve_of(run_id: UUID | str, after: int = -1) -> Curve:
    """What the run has reported. Args: after: epochs up to this one are left out."""
    points = MetricPoint.objects.filter(run_id=run_id, name=METRIC, at__gt=after)
    return tuple(points.order_by("at").values_list("at", "value"))


@lru_cache(maxsize=256)
def curve_at_end(run_id: str) -> Curve:
    """Of a run that has ended: it will not change any more."""
    return curve_of(run_id)


def looked_at(trial: Trial, run: Run, curve: Curve) -> Trial:
    """The trial as its run says it stands. Args: curve: all of it."""
    found = replace(trial, run=str(run.pk), status=RUNNING)
    if curve:
        at, value = min(curve, key=lambda point: point[1])
        found = replace(found, value=value, at=at)
    if run.status == RunStatus.SUCCEEDED:
        if found.value is None:
            reason = f"the run reported no {METRIC}; it needs examples that are held back"
            return replace(found, status=FAILED, reason=reason)
        return replace(found, status=COMPLETED)
    if run.status == RunStatus.FAILED:
        return replace(found, status=FAILED, reason=run.reason[:500])
    if run.status == RunStatus.CANCELLED:
        return replace(found, status=CANCELLED if trial.stopped_at is None else STOPPED)
    return found


def cancel(run: Run) -> None:
    """End a trial's run, unless it ends by itself meanwhile."""
    try:
        if run.status == RunStatus.RUNNING:
            lifecycle.wish(run.pk, Wish.CANCEL)
        else:
            lifecycle.move(run.pk, run.status, RunStatus.CANCELLED)
    except (IllegalTransitionError, StatusConflictError) as error:
        logger.info("%s; looked at again in a moment", error)
