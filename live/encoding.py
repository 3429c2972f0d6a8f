"""Messages as text, written once for all watchers of a run.

A message is kept as the JSON of its fields without the opening brace; what differs from watcher
to watcher (`seq`, `sent_at`) is put in front of it when it leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from hamlet.recording import Episode
from hamlet.systems import cuts_short
from live.protocol import BATCH_STEPS

LIVE, REPLAY = "live_training", "replay"


@dataclass(frozen=True)
class Message:
    """The fields of one message, encoded. It has at least one field: `type`."""

    body: str

    def text(self, seq: int, sent_at: float, more: str = "") -> str:
        return f'{{"seq":{seq},"sent_at":{sent_at:.4f},{more}{self.body}'


def message(kind: str, /, **fields: Any) -> Message:
    encoded = orjson.dumps({"type": kind, **fields}, option=orjson.OPT_NON_STR_KEYS)
    return Message(encoded[1:].decode())


@dataclass(frozen=True)
class EncodedEpisode:
    """An episode as the messages that show it, shared by every watcher.

    Attributes:
        start_fields: of the first message, as plain data.
        batches: state updates in order; batch i begins at step i x BATCH_STEPS.
    """

    number: int
    mode: str
    steps: int
    start_fields: Mapping[str, Any]
    start: Message
    batches: tuple[Message, ...]
    end: Message

    def same_as(self, other: EncodedEpisode) -> bool:
        return (self.number, self.mode) == (other.number, other.mode)


def encode_for_watchers(episode: Episode, mode: str, dropped: int = 0) -> EncodedEpisode:
    """Split an episode into its messages."""
    start_fields = {
        **without(episode.start, "type"),
        "mode": mode,
        "episode_id": episode.number,
        "survival_steps": episode.steps,
        "ended_at": episode.ended_at,
        "dropped": dropped,
    }
    end = message("episode_end", **without(episode.end, "type"), episode_id=episode.number)
    return EncodedEpisode(
        number=episode.number,
        mode=mode,
        steps=episode.steps,
        start_fields=start_fields,
        start=message("episode_start", **start_fields),
        batches=tuple(batches(episode)),
        end=end,
    )


def as_replay(episode: EncodedEpisode) -> EncodedEpisode:
    """A live episode that is asked for as a replay: the same steps under the other mode."""
    fields = {**episode.start_fields, "mode": REPLAY}
    start = message("episode_start", **fields)
    return replace(episode, mode=REPLAY, start_fields=fields, start=start)


def batches(episode: Episode) -> list[Message]:
    total = episode.steps
    terminated = not cuts_short(episode.end.get("reason"))
    found = []
    for first in range(0, total, BATCH_STEPS):
        last = min(first + BATCH_STEPS, total)
        is_end = [step == total for step in range(first + 1, last + 1)]
        steps = {name: values[first:last] for name, values in episode.columns.items()}
        steps |= {
            "step": list(range(first + 1, last + 1)),
            "terminated": [ended and terminated for ended in is_end],
            "truncated": [ended and not terminated for ended in is_end],
        }
        fields = {"episode_id": episode.number, "from": first, "count": last - first}
        found.append(message("state_update", **fields, steps=steps))
    return found


def without(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}
