"""Our own trainers, as benchmarks ask for them: through the same door as every run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hamlet.envs.town.packs import load_pack
from hamlet.runspec import RunSpec
from hamlet.sections import merged
from hamlet.systems import SYSTEMS

ENDLESS = 1_000_000  # episodes: no measurement reaches the end of its run


def town_trainer(level: str, *, device: str = "cpu", **fields: Any) -> Any:
    """A trainer of a shipped level. fields: as for `town_spec`."""
    return SYSTEMS["town"].make_trainer(town_spec(level, **fields), device)


def town_spec(
    level: str,
    *,
    seed: int,
    brain: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    episodes: int = ENDLESS,
) -> RunSpec:
    """A run of a shipped level.

    Args:
        brain, training: fields that differ from the level's own files. A brain that names its
            version is taken whole.
    Raises: SpecError if they do not fit the level.
    """
    own = load_pack(level).brain
    changed = brain if brain and "version" in brain else merged(own, brain or {})
    request = {
        "system": "town",
        "level": level,
        "seed": seed,
        "episodes": episodes,
        "brain": changed,
        "training": dict(training or {}),
    }
    return SYSTEMS["town"].build_runspec(request)


def plain_brain(
    hidden: list[int], *, learning_rate: float, batch_size: int, capacity: int, **changes: Any
) -> dict[str, Any]:
    """A feedforward DQN with nothing on top: what other libraries call DQN.

    Args:
        changes: sections in place of those below, by the path with `__` for the dots.
    """
    spec: dict[str, Any] = {
        "version": "1",
        "description": "benchmark",
        "architecture": {
            "type": "feedforward",
            "feedforward": {"hidden_layers": hidden, "activation": "relu", "layer_norm": False},
        },
        "optimizer": {"type": "adam", "learning_rate": learning_rate},
        "loss": {"type": "smooth_l1"},
        "q_learning": {"use_double_dqn": False, "gradient_clip": 10.0},
        "replay": {"capacity": capacity, "batch_size": batch_size},
    }
    for path, value in changes.items():
        section = spec
        *parents, last = path.split("__")
        for name in parents:
            section = section.setdefault(name, {})
        section[last] = value
    return spec


def advances(trainer: Any, num_envs: int, env_steps: int) -> Callable[[], int]:
    """One call goes on training for about `env_steps`; returns how many it really were."""
    vector_steps = max(1, env_steps // num_envs)

    def train() -> int:
        for _ in range(vector_steps):
            for _event in trainer.advance():
                pass
        return vector_steps * num_envs

    return train
