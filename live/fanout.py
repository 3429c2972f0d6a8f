"""From a run to its watchers: one Valkey subscription for each watched run and web process.

A message is decoded and encoded once, then handed to every watcher's queue. Beside what the run
publishes, the feed looks into the database: every second while something happens, else every
five. So a lost message, or a Valkey that is away, delays what is shown and loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any
from uuid import UUID

import redis.asyncio
from channels.db import database_sync_to_async
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from hamlet.errors import SpecError
from hamlet.recording import decode_episode
from live import snapshots
from live.encoding import LIVE, EncodedEpisode, encode_for_watchers
from live.watcher import Watcher
from training.events import Message, decode_message, latest_episode_key, run_channel

logger = logging.getLogger(__name__)

JOIN_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 1.0
FIRST_RETRY_S, LONGEST_RETRY_S = 0.2, 5.0
BUSY_PULSE_S, IDLE_PULSE_S = 1.0, 5.0

_feeds: dict[tuple[asyncio.AbstractEventLoop, UUID], RunFeed] = {}


class RunFeed:
    """One run as this process sees it, and who watches it.

    Attributes:
        newest: the newest live episode, encoded; None before the first.
        connected: the subscription stands.
    """

    def __init__(self, run_id: UUID) -> None:
        self.run_id = run_id
        self.watchers: set[Watcher] = set()
        self.newest: EncodedEpisode | None = None
        self.connected = asyncio.Event()
        self.dropped = 0
        # Number and time of the newest episode, and the number that older ones do not exceed.
        self._newest_place: tuple[int, float] | None = None
        self._seq = 0
        self._busy = asyncio.Event()
        self._pulse = snapshots.Pulse(run_id)
        self._tasks = [
            asyncio.create_task(self._listen(), name=f"feed-{run_id}"),
            asyncio.create_task(self._beat(), name=f"pulse-{run_id}"),
        ]

    async def ready(self) -> None:
        """Wait until the subscription stands, so that what is read afterwards leaves no gap.

        Not for ever: without Valkey a page still shows what the database has.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self.connected.wait(), JOIN_TIMEOUT_S)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # What the run publishes

    async def _listen(self) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            try:
                async with connect() as client, client.pubsub() as pubsub:
                    await pubsub.subscribe(run_channel(self.run_id))
                    self._seq = 0  # the server may have lost its count with the connection
                    await self._catch_up(client)
                    self.connected.set()
                    retry_s = FIRST_RETRY_S
                    await self._read(pubsub)
            except (RedisError, OSError) as error:
                if retry_s == FIRST_RETRY_S:
                    logger.warning("run %s: no messages: %s; trying again", self.run_id, error)
            self.connected.clear()
            await asyncio.sleep(retry_s)
            retry_s = min(LONGEST_RETRY_S, 2 * retry_s)

    async def _read(self, pubsub: Any) -> None:
        while True:
            found = await pubsub.get_message(ignore_subscribe_messages=True, timeout=READ_TIMEOUT_S)
            if found is not None and found["type"] == "message":
                await self._take(found["data"])

    async def _catch_up(self, client: redis.asyncio.Redis) -> None:
        """After subscribing: what was published before is under a key."""
        kept = await client.get(latest_episode_key(self.run_id))
        if kept is not None:
            await self._take(kept, fresh=False)
        self._busy.set()

    async def _take(self, data: bytes, *, fresh: bool = True) -> None:
        try:
            found = decode_message(data)
            if found.kind == "episode":
                await self._take_episode(found, fresh)
        except (SpecError, ValueError, KeyError) as error:
            logger.warning("run %s: a message cannot be read: %s", self.run_id, error)
            return
        if found.dropped:
            self.dropped = found.dropped
        self._busy.set()

    async def _take_episode(self, found: Message, fresh: bool) -> None:
        if self._is_known(found):
            self._seq = max(self._seq, found.seq)
            return
        episode = await asyncio.to_thread(read_live_episode, found.body, found.dropped)
        self._seq, self.newest = found.seq, episode
        self._newest_place = (found.seq, found.sent_at)
        for watcher in self.watchers:
            watcher.offer(episode, fresh=fresh)

    def _is_known(self, found: Message) -> bool:
        """Whether we have it or a newer one: after a reconnect, the kept one and what was sent
        before it was read. A lower number that was sent later means that the count began anew.
        """
        if self._newest_place is None:
            return False
        if (found.seq, found.sent_at) == self._newest_place:
            return True
        return found.seq <= self._seq and found.sent_at <= self._newest_place[1]

    # What the database says

    async def _beat(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._busy.wait(), IDLE_PULSE_S)
            self._busy.clear()
            try:
                await self._tell()
            except Exception:
                # The database may be away for a moment; the next beat tells what was missed.
                logger.exception("run %s: its state cannot be read", self.run_id)
            await asyncio.sleep(BUSY_PULSE_S)

    async def _tell(self) -> None:
        for kind, notice in await database_sync_to_async(self._pulse.notices)(self):
            for watcher in self.watchers:
                watcher.notify(kind, notice)


def read_live_episode(content: bytes, dropped: int) -> EncodedEpisode:
    return encode_for_watchers(decode_episode(content), LIVE, dropped)


def connect() -> redis.asyncio.Redis:
    """A connection that says when it breaks; the feed itself subscribes and catches up again."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=5.0,
        socket_connect_timeout=2.0,
        socket_keepalive=True,
        health_check_interval=10,
        retry=Retry(NoBackoff(), 0),
    )


def join(run_id: UUID, watcher: Watcher) -> RunFeed:
    """Add a watcher; the feed of the run starts with its first one."""
    key = (asyncio.get_running_loop(), run_id)
    feed = _feeds.get(key)
    if feed is None:
        feed = _feeds[key] = RunFeed(run_id)
    feed.watchers.add(watcher)
    return feed


async def leave(feed: RunFeed, watcher: Watcher) -> None:
    """Remove a watcher; the feed ends with its last one."""
    feed.watchers.discard(watcher)
    key = (asyncio.get_running_loop(), feed.run_id)
    if not feed.watchers and _feeds.get(key) is feed:
        del _feeds[key]
        await feed.stop()
