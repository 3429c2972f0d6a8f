"""Work on a bounded number of requests at once.

Every request that Django works on has a thread and a connection to PostgreSQL of its own, and
PostgreSQL has so many and no more. Those above the bound wait a moment for their turn; what finds
even the queue full, or waits too long, is told at once to come back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from prometheus_client import Counter, Gauge

from hamletweb.bounds.answers import refusal, send_response
from hamletweb.health.requests import REGISTRY

Application = Callable[..., Awaitable[None]]

WAITING_FOR_EACH = 8  # requests in the queue for each one at work
LONGEST_WAIT_S = 5.0
RETRY_AFTER_S = 2
# Whoever asks whether the process lives must hear it while it has much to do. These two ask the
# database, and anybody may ask the first, so they have a few places of their own.
PROBES = frozenset({"/readyz", "/metrics"})
PROBES_AT_ONCE = 4

AT_WORK = Gauge("hamlet_http_requests_at_work", "Requests at work.", registry=REGISTRY)
REFUSED = Counter("hamlet_http_requests_refused", "Requests told to come back.", registry=REGISTRY)


def bound_requests(application: Application, wait_s: float = LONGEST_WAIT_S) -> Application:
    """Wrap the ASGI application of HTTP. The bound is settings.REQUESTS_AT_ONCE."""
    requests, probes = Turn(settings.REQUESTS_AT_ONCE), Turn(PROBES_AT_ONCE)

    async def bounded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if asks_no_database(scope["path"]):
            await application(scope, receive, send)
            return
        turn = probes if scope["path"] in PROBES else requests
        if not await turn.take(wait_s):
            REFUSED.inc()
            response = refusal(
                scope["path"],
                503,
                f"The server works on {turn.most} such requests already. "
                f"Try again in {RETRY_AFTER_S} seconds.",
            )
            response["Retry-After"] = str(RETRY_AFTER_S)
            await send_response(send, response)
            return
        AT_WORK.inc()
        work = asyncio.ensure_future(application(scope, receive, send))
        work.add_done_callback(lambda _: end(turn))
        # The server gives up on it some seconds after its client has left. The thread and its
        # connection are there until they are done, so the place is taken for as long.
        await asyncio.shield(work)

    return bounded


def end(turn: Turn) -> None:
    AT_WORK.dec()
    turn.give_back()


def asks_no_database(path: str) -> bool:
    return path == "/healthz" or path.startswith(settings.STATIC_URL)


class Turn:
    """A semaphore with a bounded queue."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._slots = asyncio.Semaphore(most)
        self._waiting = 0

    async def take(self, wait_s: float) -> bool:
        """Returns: false if there is no room, or none came free in time."""
        if self._slots.locked() and self._waiting >= self.most * WAITING_FOR_EACH:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(wait_s):
                await self._slots.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    def give_back(self) -> None:
        self._slots.release()
