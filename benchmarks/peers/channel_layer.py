"""Django with nothing but a channel layer of channels_redis."""

from __future__ import annotations

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
    """Args: layer: a key of LAYERS."""
    # The core layer waits 5 s at a time for a message; redis-py 8 would give up after just that.
    host = {"address": redis_url, "socket_timeout": None}
    settings.configure(
        INSTALLED_APPS=["channels"],
        CHANNEL_LAYERS={
            "default": {"BACKEND": LAYERS[layer], "CONFIG": {"hosts": [host]}},
        },
        SECRET_KEY="for this benchmark alone",
        USE_TZ=True,
    )
    django.setup()
