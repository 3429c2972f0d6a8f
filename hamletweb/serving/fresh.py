"""What was looked up a moment ago: never older than two seconds, and seldom waited for.

A value that is asked for again after a second is looked up anew beside the requests, so that in
steady use nobody waits. One that somebody says has changed is gone at once; a look-up that was on
its way at that moment answers those who wait for it and is not kept.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import DatabaseError

from registry.serving.errors import TooBusyError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

STALE_S = 2.0
REFRESH_S = 1.0
MOST_ENTRIES = 10_000
MOST_LOOK_UPS = 64


@dataclass(slots=True)
class Entry(Generic[V]):
    value: V
    asked_at: float
    used_at: float
    refreshing: bool = False


class FreshCache(Generic[K, V]):
    """Lives on one event loop and is used from it alone."""

    def __init__(self, look_up: Callable[[K], Awaitable[V]]) -> None:
        self._look_up = look_up
        self._entries: OrderedDict[K, Entry[V]] = OrderedDict()
        self._pending: dict[K, asyncio.Task[V]] = {}
        self._forgotten = 0

    async def get(self, key: K) -> V:
        """Raises: whatever the look-up raises, which is not kept; TooBusyError."""
        now = time.monotonic()
        entry = self._entries.get(key)
        if entry is not None and now - entry.asked_at < STALE_S:
            entry.used_at = now
            if now - entry.asked_at > REFRESH_S and not entry.refreshing:
                entry.refreshing = True
                self._begin(key)
            return entry.value
        if key not in self._pending and len(self._pending) >= MOST_LOOK_UPS:
            raise TooBusyError("too many look-ups wait for the database. Try again in a second.")
        return await asyncio.shield(self._begin(key))

    def forget(self, matches: Callable[[K, V], bool]) -> list[K]:
        """Returns: the keys that are gone and that somebody used within a minute."""
        self._forgotten += 1
        gone = [(key, entry) for key, entry in self._entries.items() if matches(key, entry.value)]
        for key, _ in gone:
            del self._entries[key]
        lately = time.monotonic() - 60
        return [key for key, entry in gone if entry.used_at > lately]

    def _begin(self, key: K) -> asyncio.Task[V]:
        """One look-up for all who wait."""
        task = self._pending.get(key)
        # One that began before something was forgotten may bring what is forgotten.
        if task is None or task.get_name() != str(self._forgotten):
            task = asyncio.create_task(self._fetch(key), name=str(self._forgotten))
            task.add_done_callback(_take_notice)
            self._pending[key] = task
        return task

    async def _fetch(self, key: K) -> V:
        asked_at, forgotten = time.monotonic(), self._forgotten
        try:
            value = await self._look_up(key)
        except DatabaseError:
            if (entry := self._entries.get(key)) is not None:
                entry.refreshing = False
            raise  # tells nothing of the value, which is good until it is stale
        except Exception:
            self._entries.pop(key, None)
            raise
        finally:
            if self._pending.get(key) is asyncio.current_task():
                del self._pending[key]
        if forgotten == self._forgotten:
            self._entries[key] = Entry(value, asked_at, time.monotonic())
            self._entries.move_to_end(key)
            while len(self._entries) > MOST_ENTRIES:
                self._entries.popitem(last=False)
        return value


def _take_notice(task: asyncio.Task) -> None:
    """A refresh that fails is nobody's error: the next who asks looks up himself."""
    if not task.cancelled():
        task.exception()
