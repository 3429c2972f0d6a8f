"""The Celery application: queues, delivery guarantees, and workers that say they are alive."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import Any

import redis
from celery import Celery
from celery.signals import heartbeat_sent, worker_process_init, worker_ready, worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hamletweb.settings")

app = Celery("hamletweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

_announcers: list[Any] = []  # of the worker that this process is, if it is one


@worker_process_init.connect
def prepare_pool_process(**_: object) -> None:
    from hamletweb.embedded.process import dies_with_parent

    # Two processes on two cores, each with two threads, wait for each other more than they work.
    # Nothing of torch runs in the parent: a torch operation before the fork deadlocks the child.
    # Only workers of runs and jobs have loaded it (their tasks.py); others need none.
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    # A worker that was killed with -9 would leave its pool at work. SIGTERM lets a run in it
    # save itself and go back to the queue.
    dies_with_parent(signal.SIGTERM, parent=os.getppid())()


@worker_ready.connect
def announce(sender: object, **_: object) -> None:
    from registry.hosts.announcing import Announcer

    announcer = Announcer(sender)
    _announcers.append(announcer)
    # Without Valkey there is no work either; the next heartbeat tries again.
    with contextlib.suppress(redis.RedisError):
        announcer.begin()


@heartbeat_sent.connect
def say_alive(**_: object) -> None:
    """Every two seconds, with the worker's own heartbeat: `/readyz` and `/workers/` read it."""
    for announcer in _announcers:
        with contextlib.suppress(redis.RedisError):
            announcer.say()


@worker_shutdown.connect
def say_goodbye(**_: object) -> None:
    for announcer in _announcers:
        with contextlib.suppress(redis.RedisError):
            announcer.end()
