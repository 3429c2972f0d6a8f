"""Keeping recordings beside the training: encoding and flushing to the disk happen in a thread."""

from __future__ import annotations

import logging
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from uuid import UUID

from django.db import connection

from hamlet.learning.trainer import EpisodeFinished
from hamlet.recording import Episode, ReplayKeeper, encode_episode
from registry.artifacts.store import store_file
from registry.models import Artifact
from training.models import EpisodeSummary
from training.reconnecting import persistently
from training.run_writer import EpisodeRow, ReplayRow

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/vnd.hamlet.episode"
REMEMBERED = 16  # recorded episodes; the keeper reaches back no further than five
MOST_WAITING = 32


class ReplayStore:
    """Chooses recordings by the keeper's rules and stores them; context manager."""

    def __init__(self, run_id: UUID, keeper: ReplayKeeper) -> None:
        self.keeper = keeper
        self._run_id = run_id
        self._recent: deque[EpisodeRow] = deque(maxlen=REMEMBERED)
        self._waiting: deque[tuple[EpisodeRow, list[str], Future[Artifact | None]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"replays-{run_id}")

    def __enter__(self) -> ReplayStore:
        return self

    def __exit__(self, *_: object) -> None:
        # Looked up in that thread: every thread has a connection of its own.
        self._thread.submit(lambda: connection.close())  # noqa: PLW0108 - see above
        self._thread.shutdown()

    def offer(self, finished: EpisodeFinished, row: EpisodeRow) -> None:
        """Let the keeper judge the next finished episode."""
        if finished.recording is not None:
            self._recent.append(row)
        for episode, reasons in self.keeper.offer(finished):
            future = self._thread.submit(store_episode, episode)
            self._waiting.append((self._row_of(episode), reasons, future))

    def take_stored(self, *, all_of_them: bool = False) -> list[ReplayRow]:
        """Rows of the recordings whose files are stored by now, in their order."""
        rows = []
        while self._waiting:
            row, reasons, future = self._waiting[0]
            if not (all_of_them or len(self._waiting) > MOST_WAITING or future.done()):
                break
            self._waiting.popleft()
            artifact = future.result()
            if artifact is not None:
                rows.append(ReplayRow(row, reasons, artifact))
        return rows

    def _row_of(self, episode: Episode) -> EpisodeRow:
        for row in self._recent:
            if row.number == episode.number:
                return row
        # It ended before this worker took the run over, so its row is in the database.
        find = partial(EpisodeSummary.objects.get, run_id=self._run_id, number=episode.number)
        kept = persistently(find)
        return EpisodeRow(kept.number, kept.summary, kept.ended_at.timestamp())


def store_episode(episode: Episode) -> Artifact | None:
    """Returns: None if the disk refuses; the run can do without a replay."""
    try:
        return persistently(partial(store_file, encode_episode(episode), MEDIA_TYPE))
    except OSError as error:
        logger.error("episode %d was not kept for replay: %s", episode.number, error)
        return None
