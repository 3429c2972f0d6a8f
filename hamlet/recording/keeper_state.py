"""What a ReplayKeeper remembers, as a tree for a training checkpoint, and back.

Recordings travel as tensors of bytes: one of 100,000 steps has megabytes, and the header of a
checkpoint, which is JSON, is bounded. Apart from the keeper, as torch is needed here alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hamlet.errors import CheckpointError, SpecError
from hamlet.learning.saved_state import below, load_list, load_number, load_whole, spell
from hamlet.recording.codec import decode_episode, encode_episode
from hamlet.recording.episode import Episode
from hamlet.recording.keeper import (
    AFTER_STAGE_CHANGE,
    BEFORE_STAGE_CHANGE,
    EVERY,
    SCORE_WINDOW,
)

LARGEST_NUMBER = 10**12
LARGEST_SCORE = 1e300


class KeeperMemory(NamedTuple):
    """A ReplayKeeper's fields, by the names of its state."""

    scores: list[float]
    waiting: list[Episode | None]
    next_regular: int
    stage: int | None
    still_after: int


def write_memory(memory: KeeperMemory) -> dict[str, Any]:
    waiting = [None if episode is None else as_tensor(episode) for episode in memory.waiting]
    return {**memory._asdict(), "waiting": waiting}


def read_memory(state: Mapping[str, Any]) -> KeeperMemory:
    """Raises: CheckpointError naming the field that cannot be a keeper's."""
    with below("keeper"):
        scores = load_list(state["scores"], 0, SCORE_WINDOW, "scores")
        waiting = load_list(state["waiting"], 0, BEFORE_STAGE_CHANGE, "waiting")
        stage = state["stage"]
        return KeeperMemory(
            scores=[
                load_number(score, -LARGEST_SCORE, LARGEST_SCORE, f"scores[{index}]")
                for index, score in enumerate(scores)
            ],
            waiting=[
                None if saved is None else from_tensor(saved, f"waiting[{index}]")
                for index, saved in enumerate(waiting)
            ],
            next_regular=load_whole(state["next_regular"], EVERY, LARGEST_NUMBER, "next_regular"),
            stage=None if stage is None else load_whole(stage, 0, LARGEST_NUMBER, "stage"),
            still_after=load_whole(state["still_after"], 0, AFTER_STAGE_CHANGE, "still_after"),
        )


def as_tensor(episode: Episode) -> Tensor:
    """[bytes] uint8."""
    return torch.frombuffer(bytearray(encode_episode(episode)), dtype=torch.uint8)


def from_tensor(saved: Any, name: str) -> Episode:
    if not isinstance(saved, Tensor) or saved.dtype != torch.uint8 or saved.ndim != 1:
        raise CheckpointError(f"{name}: found {spell(saved)}; expected the bytes of a recording")
    try:
        return decode_episode(saved.numpy().tobytes())
    except SpecError as error:
        raise CheckpointError(f"{name}: found no recording ({error})") from None
