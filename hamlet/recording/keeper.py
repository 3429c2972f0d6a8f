"""Which recorded episodes are worth keeping."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hamlet.recording.episode import Episode

if TYPE_CHECKING:
    from hamlet.learning.trainer import EpisodeFinished

EVERY = 100
BEFORE_STAGE_CHANGE, AFTER_STAGE_CHANGE = 5, 10
SCORE_WINDOW = 100
EXTREME = 5  # of SCORE_WINDOW: 5 %

Kept = tuple[Episode, list[str]]


class ReplayKeeper:
    """Looks at finished episodes in order and says which recordings to store, and why.

    Not every episode is recorded. So "every 100th" means the first recording at or after each
    hundredth episode, and "before" and "after" a change of stage count recordings. Scores of all
    episodes are compared, recorded or not.
    """

    def __init__(self) -> None:
        self._scores: deque[float] = deque(maxlen=SCORE_WINDOW)
        # The recordings just before the next one; None stands for one that is stored already.
        self._waiting: deque[Episode | None] = deque(maxlen=BEFORE_STAGE_CHANGE)
        self._next_regular = EVERY
        self._stage: int | None = None
        self._still_after = 0

    def offer(self, finished: EpisodeFinished) -> list[Kept]:
        """Judge the next finished episode.

        Returns: recordings to store now with the reasons, oldest first; no recording twice.
        """
        score = float(finished.summary["score"])
        self._scores.append(score)
        episode = finished.recording
        if episode is None:
            return []
        kept = self._before_a_change(finished.summary["stage"])
        reasons = self._reasons(finished.number, score)
        if reasons:
            kept.append((episode, reasons))
        self._waiting.append(None if reasons else episode)
        return kept

    def _before_a_change(self, stage: int) -> list[Kept]:
        """If this recording is the first at another stage, those just before it are kept."""
        changed = self._stage is not None and stage != self._stage
        self._stage = stage
        if not changed:
            return []
        self._still_after = AFTER_STAGE_CHANGE
        kept = [(episode, ["before stage change"]) for episode in self._waiting if episode]
        self._waiting.clear()
        return kept

    def _reasons(self, number: int, score: float) -> list[str]:
        reasons = []
        if number >= self._next_regular:
            reasons.append(f"every {EVERY}th")
            self._next_regular = number // EVERY * EVERY + EVERY
        if self._still_after:
            self._still_after -= 1
            reasons.append("after stage change")
        if len(self._scores) == SCORE_WINDOW:
            # An equal score that came first counts as better, or a run of equal episodes would
            # be kept whole.
            others = list(self._scores)[:-1]
            if sum(other >= score for other in others) < EXTREME:
                reasons.append(f"best of {SCORE_WINDOW}")
            if sum(other <= score for other in others) < EXTREME:
                reasons.append(f"worst of {SCORE_WINDOW}")
        return reasons

    def state_dict(self) -> dict[str, Any]:
        """A tree of plain data and tensors; see hamlet.checkpoint."""
        # Brings torch, which a process that only reads episodes need not load.
        from hamlet.recording.keeper_state import KeeperMemory, write_memory

        return write_memory(
            KeeperMemory(
                scores=list(self._scores),
                waiting=list(self._waiting),
                next_regular=self._next_regular,
                stage=self._stage,
                still_after=self._still_after,
            )
        )

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError naming the field that cannot be a keeper's."""
        from hamlet.recording.keeper_state import read_memory

        read = read_memory(state)
        self._scores = deque(read.scores, maxlen=SCORE_WINDOW)
        self._waiting = deque(read.waiting, maxlen=BEFORE_STAGE_CHANGE)
        self._next_regular = read.next_regular
        self._stage = read.stage
        self._still_after = read.still_after
