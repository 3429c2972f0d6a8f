"""Buckets of permits in Valkey: one script takes and counts, so that processes cannot disagree.

A bucket fills with `rate` permits per second up to its capacity. A process takes a few at once;
those that it does not use within the time of the lease are lost.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass

import redis
from django.conf import settings

# KEYS: the bucket. ARGV: permits per second, capacity, wanted.
# Returns: permits given, milliseconds until there is one.
TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local rate, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'permits', 'at')
local permits, at = tonumber(kept[1] or capacity), tonumber(kept[2] or now)
permits = math.min(capacity, permits + math.max(0, now - at) * rate)
local given = math.min(math.floor(permits), tonumber(ARGV[3]))
permits = permits - given
redis.call('HSET', KEYS[1], 'permits', string.format('%.6f', permits))
redis.call('HSET', KEYS[1], 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(capacity / rate * 1000) + 60000)
local wait = 0
if given == 0 then wait = math.ceil((1 - permits) / rate * 1000) end
return {given, wait}
"""
# A Valkey that is away is not asked again for so long.
AWAY_S = 5.0
TIMEOUT_S = 0.5
# A lease lasts so long; shorter where a bucket holds less than what comes in that time.
LEASE_S = 1.0
LEASES_PER_LIFETIME = 4
SMALL_BURST = 10


@dataclass(frozen=True)
class Limit:
    """How often a token may ask.

    Attributes:
        per_minute: requests. burst: at once, before that rate counts.
    """

    per_minute: int
    burst: int

    @functools.cached_property
    def rate(self) -> float:
        """Permits per second."""
        return self.per_minute / 60

    @functools.cached_property
    def lease_s(self) -> float:
        """How long a process may use what it took. 0: it takes one at a time and uses it at once.

        What is used within t seconds was taken within t + lease_s. So the bucket holds less than
        the burst by what comes in that time, and the limit is kept however many processes share it.
        """
        lease_s = min(LEASE_S, self.burst / (2 * self.rate))
        return lease_s if self.rate * lease_s >= 2 * LEASES_PER_LIFETIME else 0.0

    @functools.cached_property
    def lease(self) -> int:
        """Permits that a process takes at once."""
        return max(1, int(self.rate * self.lease_s / LEASES_PER_LIFETIME))

    @functools.cached_property
    def capacity(self) -> float:
        return max(1.0, self.burst - self.rate * self.lease_s)


@dataclass(frozen=True)
class Taken:
    """Attributes:
    permits: 0 if there is none. wait_s: until there is one. shared: false if Valkey was away, so
        that this process counted alone.
    """

    permits: int
    wait_s: float
    shared: bool


def limit_of(per_minute: int | None) -> Limit | None:
    """Args: per_minute: the token's own, None for everybody's. Returns: None without a limit."""
    everybody = settings.TOKEN_REQUESTS_PER_MINUTE
    per_minute = everybody if per_minute is None else per_minute
    return _limit(per_minute, everybody, settings.TOKEN_BURST) if per_minute > 0 else None


@functools.lru_cache(maxsize=1024)
def _limit(per_minute: int, everybody: int, everybodys_burst: int) -> Limit:
    """A token of its own rate has a burst in proportion, and can always send a few at once."""
    share = everybodys_burst / everybody if everybody > 0 else 0.1
    return Limit(per_minute, max(1, int(per_minute * share), min(per_minute, SMALL_BURST)))


class Buckets:
    """Takes permits; counts alone while Valkey is away. Thread-safe."""

    def __init__(self) -> None:
        self._away_until = 0.0
        self._own: dict[str, tuple[float, float]] = {}  # permits, at what time

    def take(self, name: str, limit: Limit, wanted: int) -> Taken:
        if time.monotonic() >= self._away_until:
            try:
                given, wait_ms = _client().eval(
                    *(TAKE, 1, f"hamlet:permits:{name}"),
                    *(limit.rate, limit.capacity, wanted),
                )
                self._own.clear()
                return Taken(int(given), int(wait_ms) / 1000, shared=True)
            except redis.RedisError:
                self._away_until = time.monotonic() + AWAY_S
        return self._take_alone(name, limit, wanted)

    def _take_alone(self, name: str, limit: Limit, wanted: int) -> Taken:
        now = time.monotonic()
        permits, at = self._own.get(name, (limit.capacity, now))
        permits = min(limit.capacity, permits + (now - at) * limit.rate)
        given = min(int(permits), wanted)
        self._own[name] = (permits - given, now)
        wait_s = 0.0 if given else (1 - permits) / limit.rate
        return Taken(given, wait_s, shared=False)


@functools.cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    )
