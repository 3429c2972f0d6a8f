"""Episodes: recorded, encoded, queued for watchers, and chosen for keeping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hamlet.recording.codec import decode_episode, encode_episode
from hamlet.recording.episode import Episode
from hamlet.recording.keeper import ReplayKeeper
from hamlet.recording.latest_wins import LatestWinsQueue

if TYPE_CHECKING:
    from hamlet.recording.recorder import EpisodeRecorder

__all__ = [
    "Episode",
    "EpisodeRecorder",
    "LatestWinsQueue",
    "ReplayKeeper",
    "decode_episode",
    "encode_episode",
]


def __getattr__(name: str) -> Any:
    # The recorder needs torch; a process that only reads episodes should not have to load it.
    if name == "EpisodeRecorder":
        from hamlet.recording.recorder import EpisodeRecorder

        return EpisodeRecorder
    raise AttributeError(f"module {__name__} has no attribute {name}")
