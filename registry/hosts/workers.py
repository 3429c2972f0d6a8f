"""Which workers are alive and what they can do, as they say themselves, kept in Valkey.

One sorted set by time of last word, and beside it what each worker said of itself. Asking them
(`celery inspect`) takes a second and fails while they are busy; this is one look-up.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

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


def note_worker(name: str, queues: tuple[str, ...], said: Mapping[str, Any] | None = None) -> None:
    """Say that a worker is alive.

    Args:
        said: plain data about itself (`registry.hosts.announcing`); None leaves what it said
            before.
    Raises: redis.RedisError.
    """
    now = time.time()
    with client().pipeline() as pipeline:
        pipeline.set(SINCE, now, nx=True)
        pipeline.zadd(KEY, {_member(name, queues): now})
        pipeline.zremrangebyscore(KEY, 0, now - FORGET_AFTER_S)
        if said is not None:
            pipeline.set(said_key(name), json.dumps(said), ex=int(FORGET_AFTER_S))
        pipeline.execute()


def note_loaded(name: str, pid: int, digests: list[str]) -> None:
    """Say which files a process of a worker's pool keeps loaded. Raises: redis.RedisError."""
    with client().pipeline() as pipeline:
        pipeline.hset(loaded_key(name), str(pid), json.dumps(digests))
        pipeline.expire(loaded_key(name), int(FORGET_AFTER_S))
        pipeline.execute()


def forget_worker(name: str, queues: tuple[str, ...]) -> None:
    """Say that a worker ends. Raises: redis.RedisError."""
    with client().pipeline() as pipeline:
        pipeline.zrem(KEY, _member(name, queues))
        pipeline.delete(said_key(name), loaded_key(name))
        pipeline.execute()


def heard_workers(within_s: float = HEARD_WITHIN_S) -> list[HeardWorker]:
    """Workers that said something lately, by name. Raises: redis.RedisError."""
    now = time.time()
    found = []
    for member, at in client().zrangebyscore(KEY, now - within_s, "+inf", withscores=True):
        name, _, queues = member.partition(" ")
        found.append(HeardWorker(name, tuple(queues.split(",")), max(now - at, 0.0)))
    return sorted(found, key=lambda worker: worker.name)


def what_they_said(names: list[str]) -> list[tuple[dict[str, Any], dict[str, list[str]]]]:
    """For each name: what the worker said of itself, and the digests loaded by each pid.

    Empty for a worker that said nothing. Raises: redis.RedisError.
    """
    with client().pipeline() as pipeline:
        for name in names:
            pipeline.get(said_key(name))
            pipeline.hgetall(loaded_key(name))
        answers = pipeline.execute()
    return [
        (json.loads(said or "{}"), {pid: json.loads(text) for pid, text in loaded.items()})
        for said, loaded in zip(answers[::2], answers[1::2], strict=True)
    ]


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


def said_key(name: str) -> str:
    return f"hamlet:worker:{name}:said"


def loaded_key(name: str) -> str:
    return f"hamlet:worker:{name}:loaded"


def _member(name: str, queues: tuple[str, ...]) -> str:
    return f"{name} {','.join(sorted(queues))}"
