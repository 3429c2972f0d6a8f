"""What a worker says of itself with its heartbeat. Runs in the worker's parent process."""

from __future__ import annotations

import os
import platform
import socket
import threading
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from celery.worker import state

from registry.hosts.devices import find_devices
from registry.hosts.workers import forget_worker, note_worker

PACKAGES = ("torch", "onnxruntime", "celery", "Django")


class Announcer:
    """One Celery worker. `begin` once it takes tasks, `say` with each heartbeat, `end` at its end.

    Attributes:
        devices: None until they are found, which may take seconds on a host with GPUs.
    """

    def __init__(self, consumer: Any) -> None:
        """Args: consumer: of celery.worker; it knows the worker's name, queues and pool."""
        self.name: str = consumer.hostname
        self.queues = tuple(consumer.app.amqp.queues.consume_from)
        self.devices: list[dict[str, Any]] | None = None
        self._pool = consumer.pool
        self._software = software()

    def begin(self) -> None:
        """Raises: redis.RedisError."""
        threading.Thread(target=self._find_devices, name="devices", daemon=True).start()
        self.say()

    def say(self) -> None:
        """Raises: redis.RedisError."""
        note_worker(self.name, self.queues, self.facts())

    def end(self) -> None:
        """Raises: redis.RedisError."""
        forget_worker(self.name, self.queues)

    def facts(self) -> dict[str, Any]:
        info = self._pool.info
        return {
            "host": socket.gethostname(),
            "devices": self.devices,
            "running": len(state.active_requests),
            "limit": self._pool.limit,
            "pids": list(info.get("processes") or [os.getpid()]),
            "software": self._software,
        }

    def _find_devices(self) -> None:
        self.devices = find_devices()


def software() -> dict[str, str]:
    """Versions by name. Read from metadata: importing torch here would cost a second."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
