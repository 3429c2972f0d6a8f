"""A queue between training and watchers that never makes training wait."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestWinsQueue(Generic[T]):
    """Holds at most `capacity` items; when full, the oldest gives way and is counted.

    Any number of threads may put and get.
    """

    def __init__(self, capacity: int = 10) -> None:
        self.capacity = capacity
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._dropped = 0

    def put(self, item: T) -> None:
        """Add the newest item. Never waits for a consumer."""
        with self._changed:
            if len(self._items) >= self.capacity:
                self._items.popleft()
                self._dropped += 1
            self._items.append(item)
            self._changed.notify()

    def get(self, timeout_s: float = 0.0) -> T | None:
        """Take the oldest item, waiting up to `timeout_s` for one. None if there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._items, timeout_s)
            return self._items.popleft() if self._items else None

    @property
    def dropped(self) -> int:
        """Items that gave way unread."""
        return self._dropped

    def __len__(self) -> int:
        return len(self._items)
