"""How much memory a run of the town would take, worked out before any is taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    return [
        *replay_problems(layout, brain, training),
        *batch_problems(layout, brain, training),
        *network_problems(layout, brain, training),
    ]


def replay_problems(
    layout: ObservationLayout, brain: BrainSpec, training: Mapping[str, Any]
) -> Iterator[Problem]:
    replay, rules = brain.data["replay"], brain.data["q_learning"]
    ring = replay["capacity"] * bytes_per_step(layout, brain)
    if ring > MOST_REPLAY_BYTES:
        message = (
            f"found {replay['capacity']}; with observations of {layout.size} numbers that takes "
            f"{ring / 2**30:.1f} GiB; expected at most {MOST_REPLAY_BYTES >> 30} GiB"
        )
        yield Problem("brain.replay.capacity", message)
    at_once = training["num_envs"] * rules["n_step"]
    if replay["capacity"] < at_once and not brain.is_recurrent:
        message = (
            f"found {replay['capacity']}; expected at least {at_once}, since one vector step may "
            f"store as many (num_envs {training['num_envs']}, n_step {rules['n_step']})"
        )
        yield Problem("brain.replay.capacity", message)


def batch_problems(
    layout: ObservationLayout, brain: BrainSpec, training: Mapping[str, Any]
) -> Iterator[Problem]:
    """Observations, and hidden states, that are held beside the replay."""
    steps, envs = steps_per_row(brain), training["num_envs"]
    waiting = envs * max(steps, brain.data["q_learning"]["n_step"])
    for path, count in (
        ("training.num_envs", waiting),
        ("training.intrinsic.train_every", training["intrinsic"]["train_every"]),
        ("training.update.most_per_step", batch_rows(brain, training) * steps),
    ):
        taken = count * layout.size * FLOAT_BYTES
        yield from too_large(path, taken, "takes {} of observations at once; make it smaller")
    if brain.is_recurrent:
        # (h, c) before each step of the window that every environment is filling.
        taken = waiting * 2 * hidden_numbers(brain) * FLOAT_BYTES
        message = f"its states of {steps} steps in {envs} environments take {{}}"
        yield from too_large(field_of(brain, "lstm.hidden_size"), taken, message)


def network_problems(
    layout: ObservationLayout, brain: BrainSpec, training: Mapping[str, Any]
) -> Iterator[Problem]:
    """What the layers of the network hold for all rows that pass through it at once. The field
    that takes most of it is named."""
    if any(True for _ in brain.family.check_layout(brain.block, layout)):
        return  # they do not fit together, which is said elsewhere
    kept = brain.family.activations(brain.block, layout)
    rows = max(batch_rows(brain, training) * steps_per_row(brain), training["num_envs"])
    field = max(kept, key=lambda name: kept[name])
    taken = rows * sum(kept.values()) * FLOAT_BYTES
    message = f"the network holds {{}} of activations for {rows} observations at once, most here"
    yield from too_large(field_of(brain, field), taken, message)


def too_large(path: str, taken: int, message: str) -> Iterator[Problem]:
    if taken > MOST_BATCH_BYTES:
        said = message.format(f"{taken / 2**30:.1f} GiB")
        yield Problem(path, f"{said}; expected at most {MOST_BATCH_BYTES >> 30} GiB")


def field_of(brain: BrainSpec, name: str) -> str:
    return f"brain.architecture.{brain.type}.{name}"


def steps_per_row(brain: BrainSpec) -> int:
    """Observations of one row of a batch: those of a window, or one."""
    replay = brain.data["replay"]
    return replay.get("burn_in", 0) + replay.get("sequence_length", 0) + 1


def hidden_numbers(brain: BrainSpec) -> int:
    """Of h, and of c as well, for one environment."""
    lstm = brain.block["lstm"]
    return lstm["num_layers"] * lstm["hidden_size"]


def bytes_per_step(layout: ObservationLayout, brain: BrainSpec) -> int:
    """Bytes of replay per unit of capacity."""
    if not brain.is_recurrent:
        return UniformReplay.bytes_per_transition(layout)
    replay = brain.data["replay"]
    return SequenceReplay.bytes_per_step(
        layout, hidden_numbers(brain), replay["burn_in"], replay["sequence_length"]
    )


def batch_rows(brain: BrainSpec, training: Mapping[str, Any]) -> int:
    """Rows drawn from the replay at once: windows, or this and the next of each transition."""
    batch = brain.data["replay"]["batch_size"]
    return batch if brain.is_recurrent else 2 * batch * training["update"]["most_per_step"]
