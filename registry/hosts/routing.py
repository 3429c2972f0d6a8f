"""Whether anybody would take what waits in a queue, and what to start if nobody would."""

from __future__ import annotations

from collections.abc import Sequence

from registry.hosts.queries import Worker
from registry.hosts.queues import QUEUES

MOST_NAMED = 8


def offers(worker: Worker, queue: str) -> bool:
    """Whether this worker takes tasks of the queue and has the device that they need."""
    known = QUEUES.get(queue)
    device = known.device if known else None
    return queue in worker.queues and (device is None or worker.has(device))


def explanation(queue: str, living: Sequence[Worker]) -> str:
    """Why what waits in this queue waits: empty if some worker takes it, else what to start."""
    if any(offers(worker, queue) for worker in living):
        return ""
    known = QUEUES.get(queue)
    device = known.device if known and known.device else queue
    blind = [worker.name for worker in living if queue in worker.queues]
    why = (
        f"who listens to the queue {queue} sees no such device ({', '.join(blind[:MOST_NAMED])})"
        if blind
        else f"nobody listens to the queue {queue}"
    )
    return (
        f"No worker offers {device}: {why}. Workers that listen: {_named(living)}. "
        f"Start one with: celery -A hamletweb worker -Q {queue}"
    )


def _named(living: Sequence[Worker]) -> str:
    named = [f"{worker.name} ({', '.join(worker.queues)})" for worker in living[:MOST_NAMED]]
    if len(living) > MOST_NAMED:
        named.append(f"and {len(living) - MOST_NAMED} more")
    return "; ".join(named) or "none"
