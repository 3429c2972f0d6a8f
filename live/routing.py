"""Socket routes. tests/access/ holds who may open which."""

from __future__ import annotations

from django.urls import path

from live.consumers import RunConsumer
from live.playing.consumers import PlayConsumer

websocket_urlpatterns = [
    path("ws/runs/<uuid:run_id>/", RunConsumer.as_asgi(), name="run-socket"),
    path("ws/play/", PlayConsumer.as_asgi(), name="play-socket"),
]
