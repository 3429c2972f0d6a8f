"""Go on after the database went away for a moment: a restart, a failover, a cut connection."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from registry.shutdown import orphaned

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
LONGEST_PAUSE_S = 5.0
ORPHANS_PATIENCE_S = 3.0


def persistently(action: Callable[[], Answer]) -> Answer:
    """Do something with the database, again on a new connection if the old one broke.

    `action` is a whole transaction that may be done twice: where the connection breaks during
    the commit, nobody can say whether it was the first time.

    Raises: the database's error once the lease must have lapsed anyway; soon in a process whose
        worker was killed, as nobody waits for it and the database may have been killed as well.
    """
    began = time.monotonic()
    pause_s = 0.1
    while True:
        try:
            return action()
        except (OperationalError, InterfaceError) as error:
            patience_s = ORPHANS_PATIENCE_S if orphaned() else settings.RUN_LEASE_SECONDS
            if time.monotonic() + pause_s > began + patience_s:
                raise
            logger.warning("the database is away (%s); trying again in %.1f s", error, pause_s)
            connection.close()
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
