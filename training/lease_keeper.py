"""The thread that keeps a worker's lease alive and listens for what people want.

It has a database connection of its own, so a long unit of work, a slow checkpoint or a full
queue never stops the heart.
"""

from __future__ import annotations

import logging
import os
import threading
import time

from django.conf import settings
from django.db import DatabaseError, connection

from training import leases
from training.errors import LeaseLostError
from training.leases import Lease
from training.models import Wish

logger = logging.getLogger(__name__)

# Of a database that went away in the middle of a heartbeat; the thread ends with its process.
END_TIMEOUT_S = 10.0


class LeaseKeeper:
    """Context manager around the work on one run.

    Attributes:
        attention: true once something wants the worker's ear; read between two units of work.
        wish: what people want. lost: the lease is gone. orphaned: the process that started this
            worker is dead, so nobody could stop it any more.
        done: set by the worker, shown with the next heartbeat.
    """

    def __init__(self, lease: Lease, done: int) -> None:
        self.lease = lease
        self.done = done
        self.attention = False
        self.wish = Wish.RUN
        self.lost = False
        self.orphaned = False
        self._ends = False
        self._parent = os.getppid()
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._keep, name=f"lease-{lease.run_id}", daemon=True
        )

    def __enter__(self) -> LeaseKeeper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(END_TIMEOUT_S)
        if self._thread.is_alive():
            logger.warning("the last heartbeat of run %s still waits", self.lease.run_id)

    def expect_the_end(self) -> None:
        """The worker is about to end the lease itself: that it is gone then is no news."""
        self._ends = True

    def back_to_work(self) -> None:
        """The worker has looked and goes on: somebody changed their mind."""
        self._ends = False
        self.wish = Wish.RUN
        self.attention = False

    def _keep(self) -> None:
        proven_at = time.monotonic()
        try:
            while not self.lost and not self._ended.wait(settings.RUN_HEARTBEAT_SECONDS):
                try:
                    self._beat()
                    proven_at = time.monotonic()
                except LeaseLostError as error:
                    if not self._ends:
                        logger.info("%s", error)
                    self.lost = True
                except DatabaseError as error:
                    # Between heartbeats nobody knows of us; past the lease somebody else may work.
                    silent_s = time.monotonic() - proven_at
                    logger.warning("no heartbeat for %.0f s: %s", silent_s, error)
                    connection.close()
                    self.lost = silent_s > settings.RUN_LEASE_SECONDS
                self.attention = self.attention or self.lost
        finally:
            connection.close()

    def _beat(self) -> None:
        self.wish = leases.heartbeat(self.lease, self.done)
        self.orphaned = os.getppid() != self._parent
        if self.wish != Wish.RUN or self.orphaned:
            self.attention = True
