"""How a job learns that its worker is asked to stop, so that it can hand the job back.

Celery's warm shutdown waits for running tasks and does not tell them. The parent hears of it
first; its children read one byte of memory that they share with it since the fork.
"""

from __future__ import annotations

import mmap

from celery.signals import worker_shutting_down

# Anonymous and shared: made when the worker's parent loads its tasks, inherited by every child.
FLAG = mmap.mmap(-1, 1)


@worker_shutting_down.connect
def tell_children(**_: object) -> None:
    FLAG[0] = 1


def requested() -> bool:
    return FLAG[0] == 1
