"""What was looked up a moment ago: never older than two seconds, and seldom waited for.

A value that is asked for again after a second is looked up anew beside the requests, so that in
steady use nobody waits. One that somebody says has changed is gone at once; a look-up that was on
its way at that moment answers those who wait for it and is not kept.

Keys that were never found, such as made-up tokens, have room of their own: however many of them
come, those who were known before are looked up.
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
MOST_LOOK_UPS = 64  # of keys that were found before, and as many of others


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
        self._found: OrderedDict[K, None] = OrderedDict()
        self._pending: dict[K, asyncio.Task[V]] = {}
        self._strange = 0  # of the pending, those not found before
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
        if key not in self._pending and self._is_full(key):
            raise TooBusyError("too many look-ups wait for the database. Try again in a second.")
        return await asyncio.shield(self._begin(key))

    def has_found(self, key: K) -> bool:
        """Whether this key has been found, and not missed since."""
        return key in self._found

    def forget(self, matches: Callable[[K, V], bool]) -> list[K]:
        """Returns: the keys that are gone and that somebody used within a minute."""
        self._forgotten += 1
        gone = [(key, entry) for key, entry in self._entries.items() if matches(key, entry.value)]
        for key, _ in gone:
            del self._entries[key]
        lately = time.monotonic() - 60
        return [key for key, entry in gone if entry.used_at > lately]

    def _is_full(self, key: K) -> bool:
        known = len(self._pending) - self._strange
        return (known if key in self._found else self._strange) >= MOST_LOOK_UPS

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
        strange = key not in self._found
        self._strange += strange
        try:
            value = await self._look_up(key)
        except DatabaseError:
            if (entry := self._entries.get(key)) is not None:
                entry.refreshing = False
            raise  # tells nothing of the value, which is good until it is stale
        except Exception:
            self._entries.pop(key, None)
            self._found.pop(key, None)
            raise
        finally:
            self._strange -= strange
            if self._pending.get(key) is asyncio.current_task():
                del self._pending[key]
        if forgotten == self._forgotten:
            self._entries[key] = Entry(value, asked_at, time.monotonic())
            self._entries.move_to_end(key)
            _bound(self._entries)
        self._found[key] = None
        self._found.move_to_end(key)
        _bound(self._found)
        return value


def _bound(kept: OrderedDict) -> None:
    while len(kept) > MOST_ENTRIES:
        kept.popitem(last=False)


def _take_notice(task: asyncio.Task) -> None:
    """A refresh that fails is nobody's error: the next who asks looks up himself."""
    if not task.cancelled():
        task.exception()
