"""Watchers fed by a Channels group, the way the documentation of Channels shows it.

    REDIS_URL=... LAYER=core python -m daphne benchmarks.peers.channel_group:application

No database, no session, no permission: it does less than ours. LAYER is `core` (one mailbox per
watcher in Valkey, the usual choice) or `pubsub`.
"""

from __future__ import annotations

import json
import os
from typing import Any

from benchmarks.peers import missing

try:
    import channels_redis  # noqa: F401 - the settings below name it as text
except ModuleNotFoundError as error:
    raise missing(error) from None

import django
from django.conf import settings

LAYERS = {
    "core": "channels_redis.core.RedisChannelLayer",
    "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer",
}
GROUP = "benchmark"


def configure(layer: str, redis_url: str) -> None:
    """Django with nothing but a channel layer."""
    settings.configure(
        INSTALLED_APPS=["channels"],
        CHANNEL_LAYERS={
            "default": {"BACKEND": LAYERS[layer], "CONFIG": {"hosts": [redis_url]}},
        },
        SECRET_KEY="for this benchmark alone",
        USE_TZ=True,
    )
    django.setup()


if not settings.configured:
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
