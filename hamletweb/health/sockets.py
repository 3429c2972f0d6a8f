"""Counts open sockets: one for each page that somebody watches a run on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from prometheus_client import Gauge

from hamletweb.health.requests import REGISTRY

Application = Callable[..., Awaitable[None]]
OPEN = Gauge("hamlet_sockets_open", "WebSockets open in this process.", registry=REGISTRY)


def count_sockets(application: Application) -> Application:
    """Wrap the ASGI application of the sockets. Only accepted ones count."""

    async def counted(scope: dict[str, Any], receive: Any, send: Any) -> None:
        accepted = False

        async def noting_send(message: dict[str, Any]) -> None:
            nonlocal accepted
            if message["type"] == "websocket.accept" and not accepted:
                accepted = True
                OPEN.inc()
            await send(message)

        try:
            await application(scope, receive, noting_send)
        finally:
            if accepted:
                OPEN.dec()

    return counted
