"""Watchers fed by a Channels group, the way the documentation of Channels shows it.

    REDIS_URL=... LAYER=core python -m daphne benchmarks.peers.channel_group:application

No database, no session, no permission: it does less than ours. LAYER is `core` (one mailbox per
watcher in Valkey, the usual choice) or `pubsub`.
"""

from __future__ import annotations

import json
import os
from typing import Any

from benchmarks.peers.channel_layer import GROUP, configure

configure(os.environ["LAYER"], os.environ["REDIS_URL"])

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402 - needs the settings
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402


class EpisodeConsumer(AsyncWebsocketConsumer):
    """Joins the group and hands every message on."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()
        limits = {"messages": 10**9, "bytes": 10**12}
        await self.send(json.dumps({"type": "connected", "acknowledge": limits}))

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def episode_message(self, event: dict[str, Any]) -> None:
        await self.send(event["text"])


application = ProtocolTypeRouter(
    {"websocket": URLRouter([re_path(r"^ws/", EpisodeConsumer.as_asgi())])}
)
