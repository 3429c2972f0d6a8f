"""Socket routes. tests/access/ holds who may open which."""

from __future__ import annotations

from django.urls import path

from live.consumers import RunConsumer

websocket_urlpatterns = [
    path("ws/runs/<uuid:run_id>/", RunConsumer.as_asgi(), name="run-socket"),
]
