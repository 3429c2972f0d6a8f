"""The web process: predictions, Django for all other HTTP, Channels for sockets."""

from __future__ import annotations

import gc
import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hamletweb.settings")
django_application = get_asgi_application()

# These need the app registry.
from hamletweb.bounds.bodies import bound_bodies  # noqa: E402
from hamletweb.bounds.requests import bound_requests  # noqa: E402
from hamletweb.health.sockets import count_sockets  # noqa: E402
from hamletweb.serving.front import ServingFront  # noqa: E402 - torch now, not at the first question
from hamletweb.socket_origin import same_origin  # noqa: E402
from live.routing import websocket_urlpatterns  # noqa: E402

front = ServingFront(bound_bodies(bound_requests(django_application)))
application = ProtocolTypeRouter(
    {
        "http": front,
        "lifespan": front,
        "websocket": same_origin(
            AuthMiddlewareStack(count_sockets(URLRouter(websocket_urlpatterns)))
        ),
    }
)

# What was imported stays; the collector need not look at it again. Measured: the slowest of 100
# requests takes a third of the time.
gc.collect()
gc.freeze()
