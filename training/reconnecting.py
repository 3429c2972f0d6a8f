"""Go on after the database went away for a moment: a restart, a failover, a cut connection."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
LONGEST_PAUSE_S = 5.0


def persistently(action: Callable[[], Answer]) -> Answer:
    """Do something with the database, again on a new connection if the old one broke.

    `action` is a whole transaction that may be done twice: where the connection breaks during
    the commit, nobody can say whether it was the first time.

    Raises: the database's error once the lease must have lapsed anyway.
    """
    give_up_at = time.monotonic() + settings.RUN_LEASE_SECONDS
    pause_s = 0.1
    while True:
        try:
            return action()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() + pause_s > give_up_at:
                raise
            logger.warning("the database is away (%s); trying again in %.1f s", error, pause_s)
            connection.close()
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
