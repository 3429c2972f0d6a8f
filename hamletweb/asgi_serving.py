"""Predictions alone, as a process of its own:

    python -m hamletweb.bounded_uvicorn hamletweb.asgi_serving:application

It answers POST /api/v1/predict, POST /api/v1/predict/ensemble and everything under /v2/ for
programs with a token, /healthz and /readyz for probes, and /metrics for scrapers. Several such
processes stand behind one proxy beside the web process, which answers the same in the same way
(hamletweb/asgi.py).
"""

from __future__ import annotations

import asyncio
import gc
import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hamletweb.settings")
django.setup(set_prefix=False)

# These need the app registry.
import orjson  # noqa: E402

from hamletweb.health.checks import check_database, check_migrations  # noqa: E402
from hamletweb.serving.front import ServingFront  # noqa: E402
from hamletweb.serving.metrics import metrics  # noqa: E402
from hamletweb.serving.outgoing import send_reply  # noqa: E402
from registry.serving.calls import request_id_of  # noqa: E402
from registry.serving.protocol.answers import Reply  # noqa: E402

front = ServingFront()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http" and scope["path"] in PROBES:
        reply = await PROBES[scope["path"]](scope)
        await send_reply(send, reply, request_id_of(""))
    elif scope["type"] in ("http", "lifespan"):
        await front(scope, receive, send)
    else:
        raise ValueError(f"{scope['type']} is not served here; hamletweb.asgi serves sockets")


async def healthz(scope: dict[str, Any]) -> Reply:
    """The process is alive."""
    return Reply(orjson.dumps({"status": "alive"}))


async def readyz(scope: dict[str, Any]) -> Reply:
    """503 while the database is away or older than this code."""
    checks = await asyncio.to_thread(check_all)
    ready = all(check["ok"] for check in checks)
    return Reply(orjson.dumps({"ready": ready, "checks": checks}), 200 if ready else 503)


def check_all() -> list[dict[str, object]]:
    from django.db import connections

    try:
        database = check_database()
        found = [database, *([check_migrations()] if database.ok else [])]
        return [check.to_data() for check in found]
    finally:
        connections.close_all()


async def metrics_text(scope: dict[str, Any]) -> Reply:
    """What this process counts; the web process counts for itself."""
    return await metrics(front.serving, scope)


PROBES = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics_text}

# What was imported stays; the collector need not look at it again.
gc.collect()
gc.freeze()
