"""What one watcher still has to get: bounded, and the newest wins.

Pure bookkeeping without input or output: the feed of the run puts in, the watcher's socket takes
out, both on one event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from live.encoding import EncodedEpisode, Message
from live.protocol import (
    BATCH_STEPS,
    QUEUE_CAPACITY,
    STALLED_AFTER_S,
    WINDOW_BYTES,
    WINDOW_MESSAGES,
)

STALE_AFTER_S = 2.0  # an episode that waited so long gives way to a newer one
MAX_REPLIES = 64


class Watcher:
    """The way from the feed of a run to one browser.

    Attributes:
        skipped: live episodes that this watcher did not get because it was too slow.
        holding: new live episodes are held back, as somebody looks at something else.
        replaying: and that is a stored episode which was asked for.
        overflowed: it asked for more answers than it reads; it is to be let go.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.skipped = 0
        self.holding = self.replaying = False
        self.overflowed = False
        self.wake = asyncio.Event()
        self._clock = clock
        self._replies: deque[Message] = deque()
        self._notices: dict[str, Message] = {}
        self._episodes: deque[tuple[float, bool, EncodedEpisode]] = deque()  # when, fresh, what
        self._fresh = False
        self._current: EncodedEpisode | None = None
        self._ended = True  # whether the current episode's last message has been sent
        self._plan: deque[Message] = deque()
        self._unsent: deque[int] = deque()  # batches of the current episode, in their order
        self._seq = 0
        self._on_the_way: deque[tuple[int, int, float]] = deque()  # seq, bytes, when
        self._bytes_on_the_way = 0
        self._read_at = clock()  # when it last acknowledged something

    # In

    def offer(self, episode: EncodedEpisode, *, fresh: bool = True) -> None:
        """A live episode. Never waits; when the queue is full the oldest gives way.

        Args: fresh: it has just come; one that was kept for a joiner tells nothing of delays.
        """
        if self.holding:
            return
        if len(self._episodes) == QUEUE_CAPACITY:
            self._episodes.popleft()
            self.skipped += 1
        self._episodes.append((self._clock(), fresh, episode))
        self.wake.set()

    def notify(self, kind: str, notice: Message) -> None:
        """A snapshot of something: only the newest of a kind is worth sending."""
        self._notices[kind] = notice
        self.wake.set()

    def reply(self, answer: Message) -> None:
        if len(self._replies) >= MAX_REPLIES:
            self.overflowed = True
        else:
            self._replies.append(answer)
        self.wake.set()

    def show(self, episode: EncodedEpisode) -> None:
        """Send this episode now, in place of what is being sent."""
        self._begin(episode, fresh=False)
        self.wake.set()

    def hold(self) -> None:
        """Keep new live episodes back; the one that has begun is sent to its end."""
        self.holding = True
        self._episodes.clear()

    def replay(self, episode: EncodedEpisode) -> None:
        """Show a stored episode, and hold live ones back until they are asked for."""
        self.hold()
        self.replaying = True
        self.show(episode)

    def resume(self) -> None:
        """Send the live episodes that end from now on."""
        if not self.replaying:
            self.holding = False

    def follow(self, newest: EncodedEpisode | None) -> None:
        """Send live episodes again, beginning with the newest there is."""
        self.holding = self.replaying = False
        last = self._episodes[-1][-1] if self._episodes else self._current
        known = last is not None and newest is not None and last.same_as(newest)
        if newest is not None and not known:
            self.offer(newest, fresh=False)

    def seek(self, step: int) -> None:
        """Send the batch with this step next, then those after it, then the others."""
        wanted = step // BATCH_STEPS
        later = [batch for batch in self._unsent if batch >= wanted]
        earlier = [batch for batch in self._unsent if batch < wanted]
        self._unsent = deque([*later, *earlier])
        self.wake.set()

    # Out

    def next_text(self) -> str | None:
        """The next message to send, or None if there is none or too much is on the way."""
        if self._window_closed:
            return None
        found, more = self._next_message()
        if found is None:
            return None
        self._seq += 1
        text = found.text(self._seq, time.time(), more)
        self._on_the_way.append((self._seq, len(text), self._clock()))
        self._bytes_on_the_way += len(text)
        return text

    def acknowledge(self, seq: int) -> bool:
        """Everything up to `seq` has been read. Returns: whether such a message was ever sent."""
        if seq > self._seq:
            return False
        self._read_at = self._clock()
        while self._on_the_way and self._on_the_way[0][0] <= seq:
            self._bytes_on_the_way -= self._on_the_way.popleft()[1]
        self.wake.set()
        return True

    @property
    def stalled(self) -> bool:
        """It has not read for so long that nobody can be looking."""
        if not self._window_closed:
            return False
        return self._clock() - max(self._read_at, self._on_the_way[0][2]) > STALLED_AFTER_S

    @property
    def _window_closed(self) -> bool:
        return bool(self._on_the_way) and (
            len(self._on_the_way) >= WINDOW_MESSAGES or self._bytes_on_the_way >= WINDOW_BYTES
        )

    def _next_message(self) -> tuple[Message | None, str]:
        if self._replies:
            return self._replies.popleft(), ""
        if self._plan:
            return self._plan.popleft(), self._counts()
        if self._unsent and self._current:
            return self._current.batches[self._unsent.popleft()], ""
        if self._current and not self._ended:
            self._ended = True
            return self._current.end, ""
        if self._notices:
            kind = next(iter(self._notices))
            return self._notices.pop(kind), ""
        if self._episodes:
            self._begin_next()
            return self._next_message()
        return None, ""

    def _counts(self) -> str:
        fresh = "true" if self._fresh else "false"
        return f'"fresh":{fresh},"skipped":{self.skipped},"queue":{len(self._episodes)},'

    def _begin(self, episode: EncodedEpisode, *, fresh: bool) -> None:
        self._current, self._fresh, self._ended = episode, fresh, False
        self._plan = deque([episode.start])
        self._unsent = deque(range(len(episode.batches)))

    def _begin_next(self) -> None:
        offered_at, fresh, episode = self._episodes.popleft()
        while self._episodes and self._clock() - offered_at > STALE_AFTER_S:
            self.skipped += 1
            offered_at, fresh, episode = self._episodes.popleft()
        self._begin(episode, fresh=fresh)
