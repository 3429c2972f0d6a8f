"""What beat asks the workers for, and how often, in seconds.

A task that no worker took until it expires is dropped: the next one does its work too.
"""

from __future__ import annotations

from typing import Any

DAY_S = 24 * 3600.0


def every(interval_s: float, task: str, *, expires_s: int) -> dict[str, Any]:
    return {"task": task, "schedule": interval_s, "options": {"expires": expires_s}}


TIMETABLE = {
    "requeue-abandoned-runs": every(10.0, "training.tasks.requeue_abandoned_runs", expires_s=30),
    "look-after-prediction-jobs": every(10.0, "registry.jobs.tasks.sweep_jobs", expires_s=30),
    "send-overdue-webhooks": every(10.0, "registry.webhooks.tasks.send_overdue", expires_s=30),
    "start-forgotten-checks": every(
        60.0, "registry.versions.tasks.start_forgotten_checks", expires_s=120
    ),
    "look-after-examples": every(60.0, "training.tasks.look_after_examples", expires_s=120),
    # Every minute, so that a night that began while the machine slept is made up for. What has
    # been decided of a night stands in the database: it is decided once, however often this comes.
    "look-after-nights": every(60.0, "training.tasks.look_after_nights", expires_s=120),
    # An interval, no time of day: a machine that sleeps at night does it when it wakes up.
    "collect-garbage": every(DAY_S, "training.tasks.collect_garbage", expires_s=3600),
}
