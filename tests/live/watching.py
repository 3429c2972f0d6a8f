"""A watcher without a browser: the socket of a run, read message by message."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from registry.models import User
from training.models import Run

PATIENCE_S = 30.0
Message = dict[str, Any]


class Watch:
    """An open socket. Acknowledges everything it reads unless it was told not to."""

    def __init__(self, connection: ClientConnection, acknowledges: bool) -> None:
        self.connection = connection
        self.acknowledges = acknowledges
        self.seen: list[Message] = []

    def send(self, kind: str, **fields: Any) -> None:
        self.send_text(json.dumps({"type": kind, **fields}))

    def send_text(self, text: str | bytes) -> None:
        self.connection.send(text)

    def read(self, timeout_s: float = PATIENCE_S) -> Message:
        """The next message, whatever it is. Raises: TimeoutError, ConnectionClosed."""
        message = json.loads(self.connection.recv(timeout=timeout_s))
        self.seen.append(message)
        if self.acknowledges:
            self.send("ack", seq=message["seq"])
        return message

    def until(self, kind: str, when: Callable[[Message], bool] = lambda _: True) -> Message:
        """Read on until a message of this kind that fits has come."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            message = self.read(max(0.01, deadline - time.monotonic()))
            if message["type"] == kind and when(message):
                return message
        raise AssertionError(f"no {kind} came; {[seen['type'] for seen in self.seen]}")

    def episode(self, number: int | None = None) -> list[Message]:
        """All messages of the next episode (with this number), from its start to its end."""
        start = self.until("episode_start", lambda message: number in (None, message["episode_id"]))
        end = self.until("episode_end", lambda m: m["episode_id"] == start["episode_id"])
        first, last = self.seen.index(start), self.seen.index(end)
        return [
            message
            for message in self.seen[first : last + 1]
            if message.get("episode_id") == start["episode_id"]
        ]

    def closed_with(self, within_s: float = PATIENCE_S) -> int:
        """Read until the server closes the connection. Returns: the close code."""
        deadline = time.monotonic() + within_s
        with pytest.raises(ConnectionClosed) as closed:
            self._read_on(deadline)
        assert closed.value.rcvd is not None, "the line broke without a word"
        return closed.value.rcvd.code

    def _read_on(self, deadline: float) -> None:
        while True:
            self.read(max(0.01, deadline - time.monotonic()))

    def answers_only(self, *kinds: str) -> None:
        """A ping comes back and nothing but these kinds before it."""
        self.send("ping", sent=1.0)
        seen = len(self.seen)
        self.until("pong")
        found = {message["type"] for message in self.seen[seen:]} - {"pong", *kinds}
        assert not found, found


def cookie_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


@contextmanager
def watching(
    base_url: str,
    run: Run,
    cookie: str | None,
    *,
    origin: str | None = None,
    acknowledges: bool = True,
    **options: Any,
) -> Iterator[Watch]:
    """Open the run's socket. Raises: InvalidStatus where the handshake is refused."""
    url = f"{base_url.replace('http', 'ws', 1)}/ws/runs/{run.pk}/"
    headers = {"Cookie": cookie} if cookie else {}
    with connect(
        url,
        additional_headers=headers,
        origin=origin or base_url,
        compression=None,
        open_timeout=PATIENCE_S,
        close_timeout=1,
        max_size=2**24,
        **options,
    ) as connection:
        yield Watch(connection, acknowledges)
