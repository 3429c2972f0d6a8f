"""Deadlines of many requests, looked at once a second: setting one costs next to nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

EVERY_S = 1.0


class Deadlines:
    """Cancels what takes longer than `after_s`. Lives on one event loop."""

    def __init__(self, after_s: float) -> None:
        self.after_s = after_s
        self._loop = asyncio.get_running_loop()
        self._until: dict[asyncio.Task, float] = {}
        self._passed: set[asyncio.Task] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def bound(self, work: Awaitable[None]) -> None:
        """Raises: TimeoutError if the work takes longer, at most a second late."""
        task = asyncio.current_task()
        self._until[task] = self._loop.time() + self.after_s
        if self._timer is None:
            self._timer = self._loop.call_later(EVERY_S, self._look)
        try:
            await work
        except asyncio.CancelledError:
            if task in self._passed and not task.uncancel():
                raise TimeoutError from None
            raise
        finally:
            del self._until[task]
            self._passed.discard(task)

    def _look(self) -> None:
        now = self._loop.time()
        for task, until in self._until.items():
            if until <= now and task not in self._passed:
                self._passed.add(task)
                task.cancel()
        self._timer = self._loop.call_later(EVERY_S, self._look) if self._until else None
