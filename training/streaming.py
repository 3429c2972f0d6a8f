"""Showing a run while it learns: a thread that sends episodes to watchers.

The training thread only puts references into a bounded queue and goes on. Encoding and
sending happen in the thread, at a pace that leaves the interpreter to the training: after each
episode it rests in proportion to the time the encoding took. Where episodes come faster than
that, the queue drops the oldest and counts them.
"""

from __future__ import annotations

import logging
import threading
import time
from uuid import UUID

import redis

from hamlet.recording import Episode, LatestWinsQueue, encode_episode
from training import events

logger = logging.getLogger(__name__)

QUEUE_CAPACITY = 10
LOOK_FOR_WATCHERS_EVERY_S = 1.0
KEEP_FOR_JOINERS_EVERY_S = 1.0
# Encoding holds Python's lock, which training wants too: about this share of the time, ...
ENCODING_SHARE = 0.02
# ... and more of it where an encoding takes above 8 ms, so that watchers still see the present.
LONGEST_REST_S = 0.4
# An episode that has waited longer gives way to a newer one: watchers want to see the present.
STALE_AFTER_S = 0.4
RETRY_AFTER_S = 2.0


class RunPublisher:
    """Context manager around the work on one run.

    Attributes:
        dropped: episodes that watchers missed since newer ones came too fast, over all attempts.
    """

    def __init__(self, run_id: UUID, dropped_before: int = 0) -> None:
        self._run_id = run_id
        self.dropped = dropped_before
        self._drops_seen = 0
        self._episodes: LatestWinsQueue[Episode] = LatestWinsQueue(QUEUE_CAPACITY)
        self._wake = threading.Event()
        self._ended = self._written = False
        self._watched = False
        self._next_look = self._next_keep = self._next_episode = 0.0
        self._thread = threading.Thread(target=self._publish, name=f"watch-{run_id}", daemon=True)

    def __enter__(self) -> RunPublisher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._wake.set()
        # What is left is small; a server that hangs must not hold up the end of the run.
        self._thread.join(timeout=5.0)

    def episode(self, episode: Episode) -> None:
        """Offer a recorded episode. Never blocks."""
        self._episodes.put(episode)
        self._wake.set()

    def written(self) -> None:
        """Tell watchers that the database has news of the run. Never blocks."""
        self._written = True
        self._wake.set()

    def _publish(self) -> None:
        pause_s: float | None = None
        while True:
            self._wake.wait(pause_s)
            self._wake.clear()
            ended = self._ended
            try:
                pause_s = self._send_all(ended)
                events.sent_again()
            except redis.RedisError as error:
                events.log_once(error)
                self._watched, self._next_look = False, time.monotonic() + RETRY_AFTER_S
                pause_s = RETRY_AFTER_S
            except Exception:
                # A fault of ours must neither end the stream nor the training.
                logger.exception("something of run %s could not be shown", self._run_id)
            if ended:
                return

    def _send_all(self, ended: bool) -> float | None:
        """Returns: seconds until the next episode may be sent; None if none waits."""
        watched = self._is_watched()
        self._count_drops(watched)
        if watched and self._written:
            self._written = False
            events.send(self._run_id, events.encode_message("news", dropped=self.dropped))
        if not watched:
            self._keep_newest(ended)
            return None
        while (rest_s := self._next_episode - time.monotonic()) <= 0 or ended:
            episode = self._take_fresh()
            if episode is None:
                return None
            self._send_episode(episode)
        return rest_s

    def _keep_newest(self, ended: bool) -> None:
        """Nobody watches: discard, but leave something for the next one who joins."""
        newest = None
        while (episode := self._episodes.get()) is not None:
            newest = episode
        now = time.monotonic()
        if newest is not None and (now >= self._next_keep or ended):
            self._next_keep = now + KEEP_FOR_JOINERS_EVERY_S
            self._send_episode(newest)

    def _take_fresh(self) -> Episode | None:
        episode = self._episodes.get()
        while episode is not None and time.time() - episode.ended_at > STALE_AFTER_S:
            newer = self._episodes.get()
            if newer is None:
                break
            episode = newer
            self.dropped += 1
        self._count_drops(watched=True)
        return episode

    def _count_drops(self, watched: bool) -> None:
        """What the queue drops while nobody watches, nobody misses."""
        drops = self._episodes.dropped
        if watched:
            self.dropped += drops - self._drops_seen
        self._drops_seen = drops

    def _send_episode(self, episode: Episode) -> None:
        began = time.thread_time()
        message = events.encode_message("episode", encode_episode(episode), self.dropped)
        events.send(self._run_id, message, keep_for_joiners=True)
        spent_s = time.thread_time() - began
        self._next_episode = time.monotonic() + min(spent_s / ENCODING_SHARE, LONGEST_REST_S)

    def _is_watched(self) -> bool:
        now = time.monotonic()
        if now >= self._next_look:
            self._watched = events.watchers(self._run_id) > 0
            self._next_look = now + LOOK_FOR_WATCHERS_EVERY_S
        return self._watched
