"""The serving application as a process of its own, under uvicorn."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from pathlib import Path

from hamletweb.embedded.process import free_port
from tests.running.processes import POLL_S, START_TIMEOUT_S, PlatformProcess


def start_serving(log: Path, env: dict[str, str] | None = None) -> tuple[PlatformProcess, str]:
    """Start uvicorn on a free port and wait until it answers; returns it and its base URL."""
    port = free_port(None)
    url = f"http://127.0.0.1:{port}"
    command = [
        "-m",
        "hamletweb.bounded_uvicorn",
        "hamletweb.asgi_serving:application",
        "--port",
        str(port),
    ]
    server = PlatformProcess([*command, "--no-access-log"], log, env)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers(f"{url}/healthz"):
        if server.process.poll() is not None or time.monotonic() > deadline:
            server.stop()
            raise AssertionError(f"the serving process did not start:\n{server.output()}")
        time.sleep(POLL_S)
    return server, url


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
