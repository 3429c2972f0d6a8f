"""How many requests a token may send, kept across all processes without asking for every one.

A process takes permits in small leases. While it has some, a request costs no round trip; before
they run out or end, more are fetched beside the requests. While Valkey is away each process counts
for itself: everybody is served, and a token may send as many requests to each process as it
otherwise may to all. `/metrics` counts those (hamlet_predict_local_permits).
"""

from __future__ import annotations

import functools
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import Enum

from registry.accounts.models import ApiToken
from registry.limits.buckets import Buckets, Limit, limit_of
from registry.limits.errors import TooManyRequestsError
from registry.serving.counting import COUNTS

MOST_LEASES = 10_000
AT_ONCE_S = 1.0
MOST_FETCHES = 3


class Permit(Enum):
    NONE = "none"
    TAKEN = "taken"
    LAST = "last"


@dataclass
class Lease:
    """Permits of one token in this process.

    Attributes:
        grants: [permits left, when they end], the older first. size: of the next one; it follows
            what is used, since what is not used is lost. used: since the last.
        refused_until: when Valkey will have a permit again.
    """

    grants: deque[list[float]] = field(default_factory=deque)
    size: int = 1
    used: int = 0
    refused_until: float = 0.0
    shared: bool = True
    fetching: bool = False

    def take(self, now: float) -> bool:
        while self.grants and (self.grants[0][0] < 1 or self.grants[0][1] <= now):
            self.grants.popleft()
        if not self.grants:
            return False
        self.grants[0][0] -= 1
        self.used += 1
        return True

    def is_low(self, at: float) -> bool:
        """Whether at this time less than half a lease will be there, though none be used."""
        left = 0.0
        for permits, ends_at in self.grants:
            if ends_at > at:
                left += permits
        return left * 2 < self.size


class TokenLimits:
    """Thread-safe: each step holds the lock for some comparisons and no longer."""

    def __init__(self, buckets: Buckets | None = None) -> None:
        self._buckets = buckets or Buckets()
        self._leases: OrderedDict[int, Lease] = OrderedDict()
        self._lock = threading.Lock()

    def try_take(self, token: ApiToken) -> Permit:
        """Take a permit that is here.

        Returns: NONE if one must be fetched; LAST, to one caller at a time, if there was one and
            it is time to fetch more beside the requests.
        Raises: TooManyRequestsError if it is known that there is none.
        """
        limit = limit_of(token.requests_per_minute)
        if limit is None:
            return Permit.TAKEN
        now = time.monotonic()
        with self._lock:
            lease = self._leases.get(token.id)
            if lease is None:
                return Permit.NONE
            if lease.take(now):
                COUNTS.local_permits += not lease.shared
                if limit.lease == 1 or lease.fetching:
                    return Permit.TAKEN
                lease.fetching = lease.is_low(now + limit.lease_s / 3)
                return Permit.LAST if lease.fetching else Permit.TAKEN
            wait_s = lease.refused_until - now
        if wait_s > 0:
            raise TooManyRequestsError(limit.per_minute, limit.burst, wait_s)
        return Permit.NONE

    def fetch(self, token: ApiToken) -> None:
        """Take a new lease: one round trip."""
        limit = limit_of(token.requests_per_minute)
        if limit is None:
            return
        with self._lock:
            lease = self._leases.setdefault(token.id, Lease())
            self._leases.move_to_end(token.id)
            while len(self._leases) > MOST_LEASES:
                self._leases.popitem(last=False)
            lease.size = max(1, min(2 * lease.used, limit.lease))
            lease.used = 0
        asked_at = time.monotonic()
        taken = self._buckets.take(str(token.id), limit, lease.size)
        with self._lock:
            lease.fetching = False
            lease.shared = taken.shared
            lease.refused_until = 0.0 if taken.permits else time.monotonic() + taken.wait_s
            if taken.permits:
                # Of one that is taken alone the asker makes use at once.
                lease.grants.append([taken.permits, asked_at + (limit.lease_s or AT_ONCE_S)])

    def take(self, token: ApiToken) -> None:
        """Take a permit, with a round trip if need be. Raises: TooManyRequestsError."""
        for _ in range(MOST_FETCHES):
            if self.try_take(token) is not Permit.NONE:
                return
            self.fetch(token)
        if self.try_take(token) is Permit.NONE:
            limit = limit_of(token.requests_per_minute) or Limit(1, 1)
            raise TooManyRequestsError(limit.per_minute, limit.burst, 1.0)


@functools.cache
def token_limits() -> TokenLimits:
    """Those of this process."""
    return TokenLimits()
