"""A run as plain data in the words of `train`."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.db.models.functions import Extract, Now

from training.models import Run, RunEvent, RunStatus
from training.queries import stamp

PENDING, TRAINING, COMPLETED, FAILED, CANCELLED = JOB_STATUSES = (
    "pending",
    "training",
    "completed",
    "failed",
    "cancelled",
)
STATUS_OF = {
    RunStatus.QUEUED: PENDING,
    RunStatus.RUNNING: TRAINING,
    RunStatus.PAUSED: PENDING,
    RunStatus.SUCCEEDED: COMPLETED,
    RunStatus.FAILED: FAILED,
    RunStatus.CANCELLED: CANCELLED,
}
PAUSED_REASON = "Paused; POST to the run's /resume lets it go on."


def progress_data(run: Run) -> dict[str, Any]:
    """How far the run is, as fields of an answer. An epoch is one unit of its progress."""
    return {
        "job_id": str(run.pk),
        "progress": share_done(run),
        "current_epoch": run.done,
        "total_epochs": run.total,
        "metrics": run.latest_metrics,
        "model_type": model_type(run),
    }


def job_data(run: Run) -> dict[str, Any]:
    """Everything `GET train/{job_id}` says. Args: run: of `visible_runs`."""
    failed = run.status == RunStatus.FAILED
    return {
        **progress_data(run),
        "status": STATUS_OF[RunStatus(run.status)],
        "reason": reason_of(run),
        "error": run.reason if failed else None,
        "model": run.model.name if run.model else None,
        "model_version": run.version.number if run.version else None,
        "created_at": stamp(run.created_at),
        "started_at": stamp(run.started_at),
        "ended_at": stamp(run.ended_at),
        "eta_s": seconds_left(run),
    }


def share_done(run: Run) -> float:
    """From 0 to 1. A run that succeeded is done, also where it stopped before its last unit."""
    if run.status == RunStatus.SUCCEEDED:
        return 1.0
    return min(1.0, run.done / run.total) if run.total else 0.0


def model_type(run: Run) -> str | None:
    """What learns: that of the config, or the kind of network; None where the spec has neither."""
    content = run.spec.get("content", {})
    named = content.get("config", {}).get("model_type")
    return named or content.get("brain", {}).get("architecture", {}).get("type")


def reason_of(run: Run) -> str:
    """Why the run is where it is; empty where the status says all."""
    if run.status == RunStatus.PAUSED and not run.reason:
        return PAUSED_REASON
    return run.reason


def seconds_left(run: Run) -> float | None:
    """At the pace since the start. None unless the run is running, has finished a unit, and was
    never interrupted: its pace is not known then."""
    if run.status != RunStatus.RUNNING or not run.done:
        return None
    starts = RunEvent.objects.filter(run_id=run.pk, new_status=RunStatus.RUNNING).count()
    if starts != 1:
        return None
    ran = Extract(Now() - F("started_at"), "epoch")
    seconds = Run.objects.filter(pk=run.pk).values_list(ran, flat=True).first()
    if seconds is None:
        return None
    return round(float(seconds) / run.done * max(0, run.total - run.done), 1)
