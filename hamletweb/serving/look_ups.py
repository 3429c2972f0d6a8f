"""Threads that ask the database, each over a connection that it keeps: a look-up costs a query."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, connections

T = TypeVar("T")
# PostgreSQL has so many connections and no more; who asks nothing for so long needs none.
IDLE_S = 120.0

Work = tuple[Future, Callable[..., Any], tuple[Any, ...]]


class LookUps:
    """A few threads before one queue. Begun with the first question."""

    def __init__(self, most_threads: int, name: str, idle_s: float = IDLE_S) -> None:
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._most_threads, self._name, self._idle_s = most_threads, name, idle_s
        self._threads: list[threading.Thread] = []

    async def ask(self, work: Callable[..., T], *arguments: Any) -> T:
        """Raises: whatever the work does."""
        if len(self._threads) < self._most_threads:
            thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._threads.append(thread)
            thread.start()
        done: Future[T] = Future()
        self._queue.put((done, work, arguments))
        return await asyncio.wrap_future(done)

    def stop(self) -> None:
        """What was asked before is answered."""
        for _ in self._threads:
            self._queue.put(None)

    def _work(self) -> None:
        try:
            while True:
                try:
                    asked = self._queue.get(timeout=self._idle_s)
                except queue.Empty:
                    connections.close_all()
                    continue
                if asked is None:
                    return
                self._answer(*asked)
        finally:
            connections.close_all()

    def _answer(self, done: Future, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            done.set_result(ask_kept(work, *arguments))
        except BaseException as error:
            done.set_exception(error)


def ask_kept(work: Callable[..., T], *arguments: Any) -> T:
    """Ask over this thread's connection; over a new one if it was kept and has died meanwhile."""
    kept = connection.connection is not None
    try:
        return work(*arguments)
    except (OperationalError, InterfaceError):
        connections.close_all()
        if not kept:
            raise
    try:
        return work(*arguments)
    except (OperationalError, InterfaceError):
        connections.close_all()
        raise
