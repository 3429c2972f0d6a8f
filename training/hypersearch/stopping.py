"""Runs whose search was cancelled, or failed: nobody waits for them any more."""

from __future__ import annotations

import logging

from registry.jobs.models import Job, JobStatus
from training.hypersearch.trials import NAME, cancel, key_of, trials_of
from training.models import ENDED, Run, Wish

logger = logging.getLogger(__name__)


def stop_trials() -> int:
    """Cancel what still runs or waits of searches that ended early. Returns: how many runs.

    Part of the sweep, so that it happens however the search came to its end.
    """
    stopped = 0
    early = Job.objects.filter(kind=NAME, status__in=(JobStatus.CANCELLED, JobStatus.FAILED))
    for job in early.only("id", "owner_id", "state"):
        keys = [key_of(job, trial.number) for trial in trials_of(job.state) if trial.open]
        runs = Run.objects.filter(owner_id=job.owner_id, idempotency_key__in=keys)
        for run in runs.exclude(status__in=ENDED).exclude(wish=Wish.CANCEL):
            cancel(run)
            stopped += 1
    if stopped:
        logger.info("cancelled %d trials of searches that ended early", stopped)
    return stopped
