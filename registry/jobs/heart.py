"""The thread that keeps a worker's lease on a job alive.

It has a database connection of its own, so a long calculation never stops the heart.
"""

from __future__ import annotations

import logging
import threading
import time

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from registry.jobs import leases
from registry.jobs.errors import LeaseLostError
from registry.jobs.leases import Lease

logger = logging.getLogger(__name__)
# Of a database that went away in the middle of a heartbeat; the thread ends with its process.
END_TIMEOUT_S = 10.0


class Heart:
    """Context manager around the work on one job.

    Attributes:
        lost: the lease is gone, or may be.
        cancel_wished: people want the job to stop, as the last heartbeat was told.
    """

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.lost = False
        self.cancel_wished = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"job-{lease.job_id}", daemon=True)

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(END_TIMEOUT_S)

    def _keep(self) -> None:
        proven_at = time.monotonic()
        try:
            while not self.lost and not self._ended.wait(settings.JOB_HEARTBEAT_SECONDS):
                try:
                    self.cancel_wished = leases.heartbeat(self.lease)
                    proven_at = time.monotonic()
                except LeaseLostError:
                    self.lost = True
                except (DatabaseError, InterfaceError) as error:
                    silent_s = time.monotonic() - proven_at
                    logger.warning("no heartbeat for %.0f s: %s", silent_s, error)
                    connection.close()
                    # Past the lease somebody else may work.
                    self.lost = silent_s > settings.JOB_LEASE_SECONDS
        finally:
            connection.close()
