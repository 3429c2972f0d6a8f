"""Slow down guessing of passwords and join codes: atomic counters in Valkey, no lock-out forever.

An attempt is counted before it is judged and forgiven when it was right. Counting first is what
makes it atomic: a hundred guesses sent at once see a hundred different counts.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import redis
from django.conf import settings

from registry.accounts.errors import ThrottleUnavailableError, TooManyAttemptsError

# Counts only attempts that are let through, so a waiting person who keeps trying waits no longer.
TAKE = """
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count >= tonumber(ARGV[1]) then
  return redis.call('PTTL', KEYS[1])
end
if redis.call('INCR', KEYS[1]) == 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
"""
GIVE_BACK = """
if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then
  return redis.call('DECR', KEYS[1])
end
return 0
"""


@dataclass(frozen=True)
class Limit:
    """At most `attempts` wrong ones within `window_s` seconds of the first."""

    name: str
    attempts: int
    window_s: int

    def key(self, *parts: str) -> str:
        # Hashed, so that a name typed by a stranger never shapes a key or fills memory.
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        return f"hamlet:throttle:{self.name}:{digest[:32]}"


# Per account and address, so that nobody can lock somebody else out from elsewhere. A class
# behind one address shares the second limit, which is why it is wide.
LOGIN = Limit("login", attempts=10, window_s=300)
LOGIN_ADDRESS = Limit("login-address", attempts=200, window_s=300)
JOIN_ADDRESS = Limit("join-address", attempts=30, window_s=600)


class Attempt:
    """One counted attempt. Call `forgive()` when it turned out to be right."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys

    def forgive(self) -> None:
        for key in self._keys:
            _client().eval(GIVE_BACK, 1, key)


@contextmanager
def counted(*limits: tuple[Limit, tuple[str, ...]]) -> Iterator[Attempt]:
    """Count one attempt against every limit.

    Raises: TooManyAttemptsError with the longest wait; ThrottleUnavailableError if Valkey is away.
    """
    taken: list[str] = []
    try:
        wait_ms = 0
        for limit, parts in limits:
            key = limit.key(*parts)
            waits = int(_client().eval(TAKE, 1, key, limit.attempts, limit.window_s * 1000))
            wait_ms = max(wait_ms, waits)
            if not waits:
                taken.append(key)
        if wait_ms:
            Attempt(taken).forgive()  # refused: it must not also fill the other limit
            raise TooManyAttemptsError(max(1, -(-wait_ms // 1000)))
        yield Attempt(taken)
    except redis.RedisError as error:
        raise ThrottleUnavailableError from error


@functools.cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, health_check_interval=30
    )
