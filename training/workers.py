"""Which workers are alive, as they say themselves: one sorted set in Valkey, by time of last word.

Asking them (`celery inspect`) takes a second and fails while they are busy; this is one look-up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

import redis
from django.conf import settings

KEY = "hamlet:workers"
SINCE = "hamlet:workers:since"  # Valkey has not been emptied since then
# Every worker speaks every two seconds, so by then all that live have spoken.
ALL_HEARD_AFTER_S = 10.0
HEARD_WITHIN_S = 30.0
FORGET_AFTER_S = 24 * 3600.0


@dataclass(frozen=True)
class HeardWorker:
    """`age_s`: seconds since its last word."""

    name: str
    queues: tuple[str, ...]
    age_s: float


@cache
def client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=2.0, socket_connect_timeout=1.0, decode_responses=True
    )


def note_worker(name: str, queues: tuple[str, ...]) -> None:
    """Say that a worker is alive. Raises: redis.RedisError."""
    now = time.time()
    with client().pipeline() as pipeline:
        pipeline.set(SINCE, now, nx=True)
        pipeline.zadd(KEY, {_member(name, queues): now})
        pipeline.zremrangebyscore(KEY, 0, now - FORGET_AFTER_S)
        pipeline.execute()


def forget_worker(name: str, queues: tuple[str, ...]) -> None:
    """Say that a worker ends. Raises: redis.RedisError."""
    client().zrem(KEY, _member(name, queues))


def heard_workers(within_s: float = HEARD_WITHIN_S) -> list[HeardWorker]:
    """Workers that said something lately, by name. Raises: redis.RedisError."""
    now = time.time()
    found = []
    for member, at in client().zrangebyscore(KEY, now - within_s, "+inf", withscores=True):
        name, _, queues = member.partition(" ")
        found.append(HeardWorker(name, tuple(queues.split(",")), max(now - at, 0.0)))
    return sorted(found, key=lambda worker: worker.name)


def all_heard() -> bool:
    """Whether who is not among the heard workers is really silent. Raises: redis.RedisError.

    Not so for some seconds after Valkey has lost what it knew.
    """
    now = time.time()
    with client().pipeline() as pipeline:
        pipeline.set(SINCE, now, nx=True)
        pipeline.get(SINCE)
        since = float(pipeline.execute()[1])
    return now - since >= ALL_HEARD_AFTER_S


def _member(name: str, queues: tuple[str, ...]) -> str:
    return f"{name} {','.join(sorted(queues))}"
