"""Hears from PostgreSQL, at the moment of a commit, what changed of models, tokens and people.

Triggers on the tables tell it (migration 0006), so no writer can forget to. One connection for
each serving process. While there is none, caches are still never older than two seconds.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, connection
from psycopg import Error as PsycopgError

logger = logging.getLogger(__name__)

CHANNEL = "hamlet_serving"
LISTEN_S = 1.0  # between two looks whether to stop
RETRY_S = 1.0
EVERYTHING = "everything"


class Listener:
    """A thread that waits for word and hands it to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tell: Callable[[str], None]) -> None:
        self._loop, self._tell = loop, tell
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="changes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except (DatabaseError, PsycopgError, OSError) as error:
                logger.warning("no word of changes: %s", error)
                self._stopping.wait(RETRY_S)
            finally:
                connection.close()

    def _listen(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        # What changed before this line was told to nobody.
        self._say(EVERYTHING)
        while not self._stopping.is_set():
            for notice in connection.connection.notifies(timeout=LISTEN_S):
                self._say(notice.payload)

    def _say(self, what: str) -> None:
        try:
            self._loop.call_soon_threadsafe(self._tell, what)
        except RuntimeError:  # the loop has ended, and so has its process soon
            self._stopping.set()
