"""Towns, layouts and runs that are small enough to train in a second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from hamlet.errors import HamletError
from hamlet.layout import Group, ObservationLayout
from hamlet.learning.town import build_runspec
from hamlet.learning.town_trainer import TownTrainer
from hamlet.learning.trainer import EpisodeFinished, Event, MetricsReported
from hamlet.learning.transitions import Collected, Transitions
from hamlet.runspec import RunSpec

ACTIONS = ("LEFT", "RIGHT", "STAY")
# What a recurrent brain without vision reads.
BLIND_LAYOUT = ObservationLayout(
    groups=(
        Group("position", 0, 2, (2,)),
        Group("meters", 2, 4, (2,)),
        Group("underfoot", 4, 5, (1,)),
        Group("clock", 5, 6, (1,)),
    ),
    grid_encoding=None,
    affordances=(),
    meters=(),
    actions=ACTIONS,
)


def layout_of(size: int, actions: tuple[str, ...] = ACTIONS) -> ObservationLayout:
    """An observation of `size` plain numbers."""
    return ObservationLayout(
        groups=(Group("numbers", 0, size, (size,)),),
        grid_encoding=None,
        affordances=(),
        meters=(),
        actions=actions,
    )


def planes_layout(cells: int = 4, planes: int = 3, others: int = 2) -> ObservationLayout:
    """Binary planes of a grid, then some plain numbers."""
    return ObservationLayout(
        groups=(
            Group("grid", 0, planes * cells, (planes, 1, cells)),
            Group("meters", planes * cells, planes * cells + others, (others,)),
        ),
        grid_encoding="planes",
        affordances=(),
        meters=(),
        actions=ACTIONS,
    )


def transitions(count: int, size: int = 4, *, seed: int = 0, **columns: Any) -> Transitions:
    """Random transitions; `columns` replace single ones."""
    drawn = torch.Generator().manual_seed(seed)
    made = {
        "observations": torch.rand(count, size, generator=drawn),
        "masks": torch.ones(count, len(ACTIONS), dtype=torch.bool),
        "actions": torch.randint(len(ACTIONS), (count,), generator=drawn),
        "extrinsic": torch.rand(count, generator=drawn),
        "intrinsic": torch.rand(count, generator=drawn),
        "shaping": torch.rand(count, generator=drawn),
        "terminated": torch.zeros(count, dtype=torch.bool),
        "truncated": torch.zeros(count, dtype=torch.bool),
        "next_observations": torch.rand(count, size, generator=drawn),
        "next_masks": torch.ones(count, len(ACTIONS), dtype=torch.bool),
        "steps": torch.ones(count, dtype=torch.int64),
        "env_rows": torch.arange(count),
    }
    return Transitions(**made | columns)


def collected(num_envs: int, size: int = 4, *, seed: int = 0, **columns: Any) -> Collected:
    """One random step of some environments; `columns` replace single ones."""
    step = transitions(num_envs, size, seed=seed)
    made = {
        name: getattr(step, name)
        for name in (
            "observations",
            "masks",
            "actions",
            "extrinsic",
            "intrinsic",
            "shaping",
            "terminated",
            "truncated",
            "next_observations",
            "next_masks",
        )
    }
    return Collected(**made | columns)


TOWN: dict[str, Any] = {
    "version": 1,
    "name": "hamlet",
    "title": "A hamlet",
    "description": "Nine cells and days of six steps.",
    "grid": {"width": 3, "height": 3},
    "affordances": ["Bed", "HomeMeal"],
    "max_steps": 6,
    "episode_budget": 30,
    "extrinsic": {"kind": "multiplicative", "meters": ["energy", "health"]},
}
BRAINS: dict[str, dict[str, Any]] = {
    "feedforward": {
        "architecture": {"type": "feedforward", "feedforward": {"hidden_layers": [16]}},
        "replay": {"capacity": 64, "batch_size": 8},
    },
    "dueling": {
        "architecture": {
            "type": "dueling",
            "dueling": {
                "shared_layers": [16],
                "value_stream": {"hidden_layers": [8]},
                "advantage_stream": {"hidden_layers": [8]},
            },
        },
        "replay": {"capacity": 64, "batch_size": 8},
    },
    "recurrent": {
        "architecture": {
            "type": "recurrent_spatial",
            "recurrent_spatial": {
                "vision_encoder": {"channels": [2, 2], "output_size": 8},
                "lstm": {"hidden_size": 8},
                "q_head": {"hidden_sizes": [8]},
            },
        },
        "replay": {"capacity": 64, "batch_size": 4, "sequence_length": 4, "burn_in": 2},
    },
}
TRAINING: dict[str, Any] = {
    "num_envs": 3,
    "learning_starts": 20,
    "intrinsic": {"embedding": 8, "train_every": 16, "annealing": {"window": 10}},
    "checkpoint_every": 10,
}


def small_run(
    brain: str | Mapping[str, Any] = "feedforward",
    *,
    town: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    episodes: int = 30,
    seed: int = 0,
) -> RunSpec:
    """A run of a few hundred steps; `town` and `training` replace single fields."""
    return build_runspec(
        {
            "level": TOWN | dict(town or {}),
            "brain": BRAINS[brain] if isinstance(brain, str) else brain,
            "training": TRAINING | dict(training or {}),
            "episodes": episodes,
            "seed": seed,
        }
    )


def finish(trainer: TownTrainer) -> list[Event]:
    """Advance to the end of the run."""
    events: list[Event] = []
    for _ in range(100_000):
        if trainer.finished:
            return events
        events += trainer.advance()
    raise HamletError("the run does not end")


def log_rows(events: list[Event]) -> list[Any]:
    """Everything a run says, but for the two numbers that come from the clock on the wall."""
    rows: list[Any] = []
    for event in events:
        if isinstance(event, EpisodeFinished):
            episode = event.recording
            recorded = episode and (episode.start, episode.columns, episode.end)
            rows.append((event.number, dict(event.summary), recorded))
        elif isinstance(event, MetricsReported):
            values = {k: v for k, v in event.values.items() if k != "env_steps_per_s"}
            rows.append((event.at, values))
        elif type(event).__name__ == "RunFinished":
            rows.append("finished")
        else:
            rows.append(event)
    return rows


def same(left: Any, right: Any) -> bool:
    """Whether two state trees are equal bit for bit."""
    if isinstance(left, torch.Tensor):
        return (
            isinstance(right, torch.Tensor)
            and left.dtype == right.dtype
            and left.shape == right.shape
            and torch.equal(left.nan_to_num(), right.nan_to_num())
            if left.is_floating_point()
            else isinstance(right, torch.Tensor) and torch.equal(left, right)
        )
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right
