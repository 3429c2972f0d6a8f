"""Reads about workers and queues, for the page, the API and whoever routes work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from kombu.exceptions import OperationalError

from registry.hosts import workers
from registry.hosts.queues import CPU, QUEUES, waiting_messages
from registry.hosts.workers import HEARD_WITHIN_S, HeardWorker

SHOWN_FOR_S = 3600.0  # a worker that fell silent


@dataclass(frozen=True)
class Worker:
    """What a worker last said.

    Attributes:
        age_s: seconds since then. silent: too long for one that lives.
        devices: None as long as the worker has not found them, or if it does not say.
        running, limit: tasks. loaded: digests of the files that its pool keeps loaded.
        software: versions by name.
    """

    name: str
    queues: tuple[str, ...]
    age_s: float
    host: str = ""
    devices: tuple[dict[str, Any], ...] | None = None
    running: int | None = None
    limit: int | None = None
    loaded: tuple[str, ...] = ()
    software: tuple[tuple[str, str], ...] = ()

    @property
    def silent(self) -> bool:
        return self.age_s > HEARD_WITHIN_S

    def has(self, device: str) -> bool:
        """Whether it may have such a device: a processor always; while it does not know, yes."""
        if device == CPU or self.devices is None:
            return True
        return any(found["kind"] == device for found in self.devices)


def living_workers() -> list[Worker]:
    """Workers that are heard, by name. Raises: OperationalError if nobody knows, or not yet."""
    try:
        if not workers.all_heard():
            raise OperationalError("Valkey was emptied; workers say anew which queues they serve")
        return _described(workers.heard_workers())
    except redis.RedisError as error:
        raise OperationalError(f"nobody knows which queues are served: {error}") from error


def shown_workers() -> list[Worker]:
    """Also those that fell silent within the last hour. Raises: redis.RedisError."""
    return _described(workers.heard_workers(within_s=SHOWN_FOR_S))


def _described(heard: list[HeardWorker]) -> list[Worker]:
    said = workers.what_they_said([worker.name for worker in heard]) if heard else []
    return [
        _worker(worker, facts, loaded) for worker, (facts, loaded) in zip(heard, said, strict=True)
    ]


def _worker(heard: HeardWorker, facts: dict[str, Any], loaded: dict[str, list[str]]) -> Worker:
    devices = facts.get("devices")
    # Of processes that have ended meanwhile nothing is loaded any more.
    alive = [loaded.get(str(pid), []) for pid in facts.get("pids", [])]
    return Worker(
        name=heard.name,
        queues=heard.queues,
        age_s=heard.age_s,
        host=facts.get("host", ""),
        devices=None if devices is None else tuple(devices),
        running=facts.get("running"),
        limit=facts.get("limit"),
        loaded=tuple(dict.fromkeys(digest for digests in alive for digest in digests)),
        software=tuple(facts.get("software", {}).items()),
    )


@dataclass(frozen=True)
class Waiting:
    """Things that wait for one queue. `oldest_s`: seconds that the first has waited."""

    queue: str
    noun: str
    count: int
    oldest_s: float


_waiting: list[Callable[[], list[Waiting]]] = []


def register_waiting(ask: Callable[[], list[Waiting]]) -> None:
    """Let a layer above say what of its own waits (from its AppConfig.ready)."""
    if ask not in _waiting:
        _waiting.append(ask)


@dataclass(frozen=True)
class QueueState:
    """`messages`: None while the broker is away. `waiting`: by kind of thing."""

    name: str
    purpose: str
    device: str | None
    messages: int | None
    served_by: tuple[str, ...]
    waiting: tuple[Waiting, ...]


def queue_states(heard: list[Worker]) -> list[QueueState]:
    """All queues with what waits in them. Args: heard: silent ones among them serve nothing."""
    waiting = [found for ask in _waiting for found in ask()]
    return [
        QueueState(
            name=queue.name,
            purpose=queue.purpose,
            device=queue.device,
            messages=_messages(queue.name),
            served_by=tuple(w.name for w in heard if queue.name in w.queues and not w.silent),
            waiting=tuple(found for found in waiting if found.queue == queue.name),
        )
        for queue in QUEUES.values()
    ]


def _messages(queue: str) -> int | None:
    try:
        return waiting_messages(queue)
    except (OperationalError, OSError, redis.RedisError):
        return None
