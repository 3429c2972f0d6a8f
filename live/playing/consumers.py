"""The socket of the play page: `live/playing/protocol.py` describes the messages."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import Future
from functools import cache, partial
from typing import Any

import orjson
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import close_old_connections

from hamlet.errors import HamletError
from live import access
from live.playing import protocol
from live.playing.errors import InterruptedThoughtError, ThinkersBusyError
from live.playing.opponents import PLAY
from live.playing.thinking import SUPERSEDED, Thinkers, think
from live.protocol import SIGNED_OUT, TOO_LARGE, TOO_MUCH, RateBound
from registry.errors import RegistryError
from registry.models import User

logger = logging.getLogger(__name__)


@cache
def thinkers() -> Thinkers:
    return Thinkers()


def player_of(session_key: str | None) -> User | None:
    """Who is signed in with this session, if that person may ask models."""
    user = access.users_of_sessions({session_key} - {None}).get(session_key)
    return user if user is not None and user.has_perm(PLAY) else None


class PlayConsumer(AsyncWebsocketConsumer):
    """One browser that plays against opponents that think here."""

    stop: threading.Event | None = None
    task: asyncio.Task | None = None
    future: Future | None = None
    gone = False

    async def connect(self) -> None:
        self.session_key = getattr(self.scope.get("session"), "session_key", None)
        if await database_sync_to_async(player_of)(self.session_key) is None:
            await self.close()
            return
        self.rate = RateBound(time.monotonic())
        await self.accept()

    async def disconnect(self, code: int) -> None:
        self.gone = True
        self._interrupt()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if len(text_data or bytes_data or "") > protocol.MAX_CLIENT_BYTES:
            await self.close(TOO_LARGE)
            return
        if not self.rate.allows("think", time.monotonic()):
            await self.close(TOO_MUCH)
            return
        try:
            asked = protocol.read_client_message(text_data if text_data is not None else bytes_data)
        except HamletError as error:
            await self._say("error", None, text=str(error))
            return
        if asked["type"] == "ping":
            await self._say("pong", None)
            return
        self._interrupt()
        if asked["type"] == "think":
            self.task = asyncio.create_task(self._answer(asked))

    def _interrupt(self) -> None:
        if self.stop is not None:
            self.stop.set()
        if self.future is not None:
            self.future.cancel()  # which does something while it only waits for its turn

    async def _answer(self, asked: dict[str, Any]) -> None:
        """Think and say what came of it; who plays is asked anew for every move."""
        number = asked["id"]
        loop, stop = asyncio.get_running_loop(), threading.Event()
        self.stop, self.future = stop, None
        user = await database_sync_to_async(player_of)(self.session_key)
        if user is None:
            await self.close(SIGNED_OUT)
            return

        def say(so_far: dict[str, Any]) -> None:
            asyncio.run_coroutine_threadsafe(self._say("thinking", number, **so_far), loop)

        try:
            if stop.is_set():
                raise InterruptedThoughtError(SUPERSEDED)
            work = partial(with_own_connection, think, user, asked, stop, say)
            self.future = thinkers().submit(user.pk, work)
            thought = await asyncio.wrap_future(self.future)
        except asyncio.CancelledError:
            await self._say("error", number, text=SUPERSEDED)
        except (HamletError, RegistryError, ThinkersBusyError, InterruptedThoughtError) as error:
            await self._say("error", number, text=str(error))
        except Exception:
            logger.exception("a move could not be found")
            await self._say("error", number, text="The server could not find a move; see its log.")
        else:
            await self._say("thought", number, **thought)

    async def _say(self, kind: str, number: int | None, **fields: Any) -> None:
        if self.gone:
            return
        text = orjson.dumps({"type": kind, "id": number, **fields}).decode()
        await self.send(text_data=text)


def with_own_connection(work: Any, *arguments: Any) -> Any:
    """PostgreSQL has so many connections and no more; a thread that waits needs none."""
    try:
        return work(*arguments)
    finally:
        close_old_connections()
