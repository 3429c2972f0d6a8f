"""The socket of a run: who may listen, what is said, and what is answered.

`live/protocol.py` describes the messages, `live/fanout.py` where they come from.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from hamlet.errors import SpecError
from live import access, fanout, snapshots
from live.encoding import as_replay, message
from live.protocol import (
    MAX_CLIENT_BYTES,
    TOO_LARGE,
    TOO_MUCH,
    TOO_SLOW,
    TRY_AGAIN,
    RateBound,
    read_client_message,
)
from live.watcher import Watcher
from training.errors import TrainingError

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0  # whether the watcher still reads
REFUSED_BEFORE_CUT = 200  # messages above the rate; beyond that it is no mistake


class RunConsumer(AsyncWebsocketConsumer):
    """One browser (or program) that watches one run."""

    feed: fanout.RunFeed | None = None
    sender: asyncio.Task | None = None
    ending = False

    async def __call__(self, *arguments: Any) -> Any:
        try:
            return await super().__call__(*arguments)
        finally:
            # However it ends (an error, a server that stops): nothing of it stays behind.
            await self._clean_up()

    async def connect(self) -> None:
        self.run_id = self.scope["url_route"]["kwargs"]["run_id"]
        session = self.scope.get("session")
        visitor = access.Visitor(getattr(session, "session_key", None), self.run_id)
        if await self._ask(access.refusals, [visitor]):
            # Absent and out of sight are told alike: the handshake is refused.
            await self.close()
            return
        self.watcher = Watcher()
        self.rate, self.refused = RateBound(time.monotonic()), 0
        # Join before reading, or an episode that lands in between is never seen.
        self.feed = fanout.join(self.run_id, self.watcher)
        await self.feed.ready()
        await self.accept()
        access.guard().watch(self, visitor, self._cut)
        self.watcher.reply(await self._ask(snapshots.connected_message, self.run_id, self.feed))
        await self._show_newest()
        self.sender = asyncio.create_task(self._send_all())

    async def _clean_up(self) -> None:
        access.guard().forget(self)
        if self.sender is not None:
            self.sender.cancel()
        if self.feed is not None:
            await fanout.leave(self.feed, self.watcher)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.ending:
            return
        if len(text_data or bytes_data or "") > MAX_CLIENT_BYTES:
            await self._end(TOO_LARGE)
            return
        try:
            asked = read_client_message(text_data if text_data is not None else bytes_data)
        except SpecError as error:
            await self._count_refusal(None, str(error))
            return
        if not self.rate.allows(asked["type"], time.monotonic()):
            await self._count_refusal(asked["type"], "Too many messages; slow down.")
            return
        try:
            await getattr(self, f"_answer_{asked['type']}")(asked)
        except (SpecError, TrainingError) as error:
            self._refuse(str(error), asked["type"])

    # What the watcher asks for

    async def _answer_ack(self, asked: dict[str, Any]) -> None:
        if not self.watcher.acknowledge(asked["seq"]):
            self._refuse(f"seq: {asked['seq']} was never sent", "ack")

    async def _answer_ping(self, asked: dict[str, Any]) -> None:
        self.watcher.reply(message("pong", sent=asked["sent"], at=time.time()))

    async def _answer_pause(self, _: dict[str, Any]) -> None:
        self.watcher.hold()

    async def _answer_step(self, _: dict[str, Any]) -> None:
        self.watcher.hold()

    async def _answer_play(self, _: dict[str, Any]) -> None:
        self.watcher.resume()

    async def _answer_follow_latest(self, _: dict[str, Any]) -> None:
        self.watcher.follow(self.feed.newest)

    async def _answer_set_speed(self, _: dict[str, Any]) -> None:
        """The browser plays by itself; reading the message has checked the speed."""

    async def _answer_seek(self, asked: dict[str, Any]) -> None:
        self.watcher.seek(asked["step"])

    async def _answer_load_replay(self, asked: dict[str, Any]) -> None:
        number, newest = asked["episode"], self.feed.newest
        if newest is not None and newest.number == number:
            episode = as_replay(newest)
        else:
            episode = await self._ask(snapshots.stored_episode, self.run_id, number)
        if episode is None:
            self._refuse(f"Episode {number} was not kept. Choose one of the list.", "load_replay")
            return
        self.watcher.replay(episode)

    async def _answer_list_replays(self, asked: dict[str, Any]) -> None:
        filters = asked["filters"]
        self.watcher.reply(await self._ask(snapshots.replay_list_message, self.run_id, filters))

    async def _answer_catch_up(self, asked: dict[str, Any]) -> None:
        places = (asked["after"], asked["metrics_from"])
        answer = snapshots.catch_up_message
        self.watcher.reply(await self._ask(answer, self.run_id, *places, self.feed))

    # What goes out

    async def _show_newest(self) -> None:
        if self.feed.newest is not None:
            self.watcher.follow(self.feed.newest)
            return
        stored = await self._ask(snapshots.newest_stored, self.run_id)
        if stored is not None and self.feed.newest is None:
            self.watcher.show(stored)

    async def _send_all(self) -> None:
        """Send what there is, as fast as the watcher reads it and no faster."""
        try:
            while True:
                self.watcher.wake.clear()
                while (text := self.watcher.next_text()) is not None:
                    await self.send(text_data=text)
                if self.watcher.overflowed:
                    await self._end(TOO_MUCH)
                    return
                if self.watcher.stalled:
                    await self._end(TOO_SLOW)
                    return
                await self._wait()
        except Exception:
            logger.exception("run %s: a watcher cannot be served", self.run_id)
            await self._end(TRY_AGAIN)

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self.watcher.wake.wait(), LOOK_EVERY_S)
        except TimeoutError:
            return  # time to look whether it still reads

    async def _ask(self, question: Any, *arguments: Any) -> Any:
        return await database_sync_to_async(question)(*arguments)

    def _cut(self, code: int) -> None:
        access.guard().forget(self)
        self.cutting = asyncio.create_task(self._end(code))

    async def _end(self, code: int) -> None:
        self.ending = True
        await self.close(code)

    def _refuse(self, text: str, about: str | None = None) -> None:
        self.watcher.reply(message("error", text=text, about=about))

    async def _count_refusal(self, about: str | None, text: str) -> None:
        self.refused += 1
        if self.refused > REFUSED_BEFORE_CUT:
            await self._end(TOO_MUCH)
        else:
            self._refuse(text, about)
