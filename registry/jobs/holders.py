"""Who holds a lease, spelled so that the worker itself can tell that its process is dead.

A holder is a worker's name and the pid of one process of its pool. Whoever bears the same worker
name is the same worker, perhaps started anew, and so sees the same pids: one that is no longer
there has died. Others cannot tell; for them the clock decides. Should two workers bear one name,
the fencing token still refuses every write of the one that was thought dead.
"""

from __future__ import annotations

import os


def this_process(worker: str) -> str:
    """Args: worker: the name of the Celery worker, `inference@host`."""
    return f"{worker} {os.getpid()}"[:200]


def is_gone(holder: str, worker: str) -> bool:
    """Whether the holder was a process of this very worker that no longer runs."""
    name, _, pid = holder.rpartition(" ")
    if name != worker or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)  # signal 0 only asks
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False
