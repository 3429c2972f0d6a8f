"""How much memory a run of the town would take, worked out before any is taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hamlet.brains import BrainSpec
from hamlet.errors import Problem
from hamlet.layout import ObservationLayout
from hamlet.learning.replay import UniformReplay
from hamlet.learning.sequences import SequenceReplay

MOST_REPLAY_BYTES = 4 * 2**30
MOST_BATCH_BYTES = 2 * 2**30
FLOAT_BYTES = 4


def memory_problems(
    layout: ObservationLayout, brain: BrainSpec, training: Mapping[str, Any]
) -> list[Problem]:
    """Sizes that together are too large, or too small to work with."""
    replay, rules = brain.data["replay"], brain.data["q_learning"]
    found = []
    ring = replay["capacity"] * bytes_per_step(layout, brain)
    if ring > MOST_REPLAY_BYTES:
        message = (
            f"found {replay['capacity']}; with observations of {layout.size} numbers that takes "
            f"{ring / 2**30:.1f} GiB; expected at most {MOST_REPLAY_BYTES >> 30} GiB"
        )
        found.append(Problem("brain.replay.capacity", message))
    at_once = training["num_envs"] * rules["n_step"]
    if replay["capacity"] < at_once and not brain.is_recurrent:
        message = (
            f"found {replay['capacity']}; expected at least {at_once}, since one vector step may "
            f"store as many (num_envs {training['num_envs']}, n_step {rules['n_step']})"
        )
        found.append(Problem("brain.replay.capacity", message))
    steps = replay.get("burn_in", 0) + replay.get("sequence_length", 0) + 1
    observation = layout.size * FLOAT_BYTES
    for path, count in (
        ("training.num_envs", training["num_envs"] * max(steps, rules["n_step"])),
        ("training.intrinsic.train_every", training["intrinsic"]["train_every"]),
        ("training.update.most_per_step", batch_rows(brain, training) * steps),
    ):
        if count * observation > MOST_BATCH_BYTES:
            message = (
                f"takes {count * observation / 2**30:.1f} GiB of observations at once; expected "
                f"at most {MOST_BATCH_BYTES >> 30} GiB; make it smaller"
            )
            found.append(Problem(path, message))
    return found


def bytes_per_step(layout: ObservationLayout, brain: BrainSpec) -> int:
    """Bytes of replay per unit of capacity."""
    if not brain.is_recurrent:
        return UniformReplay.bytes_per_transition(layout)
    replay, lstm = brain.data["replay"], brain.block["lstm"]
    return SequenceReplay.bytes_per_step(
        layout,
        lstm["num_layers"] * lstm["hidden_size"],
        replay["burn_in"],
        replay["sequence_length"],
    )


def batch_rows(brain: BrainSpec, training: Mapping[str, Any]) -> int:
    """Observations drawn from the replay at once: this and the next of each transition."""
    batch = brain.data["replay"]["batch_size"]
    return batch if brain.is_recurrent else 2 * batch * training["update"]["most_per_step"]
