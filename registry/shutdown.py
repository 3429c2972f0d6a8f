"""How work learns that its worker is asked to stop, so that it can hand itself back in order.

Celery's warm shutdown (SIGTERM, Ctrl-C) waits for running tasks and does not tell them. The
parent hears of it first; its child, which trains or predicts, reads one byte of memory that they
share since the fork. A supervisor that signals every process at once reaches the child directly.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import threading
from collections.abc import Iterator

from billiard import current_process
from celery.signals import worker_shutting_down

# Anonymous and shared: made when the worker's parent loads its tasks, inherited by every child.
FLAG = mmap.mmap(-1, 1)
# The memory outlives a fork; this is about the process that reads it.
_signalled = threading.Event()
_parents: list[int] = []  # of the process that works: who started it


@worker_shutting_down.connect
def tell_children(**_: object) -> None:
    FLAG[0] = 1


def requested() -> bool:
    """Whether this worker was asked to stop. Cheap enough for every unit of work."""
    return FLAG[0] == 1 or _signalled.is_set()


def orphaned() -> bool:
    """Whether the worker of this pool process is dead. Then the whole platform may be."""
    return bool(_parents) and os.getppid() != _parents[0]


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Take SIGTERM as a request to stop while there is work at hand, and obey it afterwards.

    Only in a child of the pool, where it would end the process at once. A worker that runs its
    tasks in the main process (pool `solo`) has Celery's own handler, which is left alone.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or current_process().name == "MainProcess":
        yield
        return
    _signalled.clear()
    _parents[:] = [os.getppid()]
    before = signal.signal(signal.SIGTERM, lambda *_: _signalled.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if _signalled.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
