"""Saving and taking up the state of a TownEnv, checked field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hamlet.envs.town.checks import MAX_MULTIPLIER
from hamlet.envs.town.tables import HOURS, MAX_TICKS, NOTHING
from hamlet.errors import CheckpointError

if TYPE_CHECKING:
    from hamlet.envs.town.env import TownEnv

FIELDS = (
    "cell",
    "steps",
    "progress",
    "hour",
    "meters",
    "places",
    "tried",
    "terminated",
    "truncated",
    "active",
    "multiplier",
    "sparse",
)


def save(env: TownEnv) -> dict[str, Any]:
    saved = {name: getattr(env, name).clone() for name in FIELDS}
    return {"level_hash": env.level.hash, "generator": env.generator.get_state(), **saved}


def load(env: TownEnv, state: Mapping[str, Any]) -> None:
    """Put the saved tensors into `env`, or nothing at all.

    Raises: CheckpointError naming the field that is missing, of another shape or out of range.
    """
    expected = {"level_hash", "generator", *FIELDS}
    if set(state) != expected:
        wrong = ", ".join(sorted(set(state) ^ expected))
        raise CheckpointError(f"town state: fields missing or unknown: {wrong}")
    if state["level_hash"] != env.level.hash:
        message = f"found level {state['level_hash']}; this town is level {env.level.hash}"
        raise CheckpointError(f"town state: {message}. Load it with its own level.")
    loaded = {name: checked(env, name, state[name]) for name in FIELDS}
    ground = ground_of(env, loaded["places"])
    try:
        env.generator.set_state(state["generator"].cpu())
    except (RuntimeError, AttributeError, TypeError) as error:
        raise CheckpointError(f"town state: the generator's state is damaged ({error})") from None
    for name, tensor in loaded.items():
        setattr(env, name, tensor)
    env.ground = ground


def checked(env: TownEnv, name: str, value: Any) -> Tensor:
    """A copy on the environment's device. Raises: CheckpointError if it cannot be this field."""
    own: Tensor = getattr(env, name)
    if not isinstance(value, Tensor) or value.shape != own.shape or value.dtype != own.dtype:
        found = f"{value.dtype} {list(value.shape)}" if isinstance(value, Tensor) else type(value)
        message = f"found {found}; expected {own.dtype} {list(own.shape)}"
        raise CheckpointError(f"town state: {name}: {message}")
    low, high = bounds(env, name)
    # Written so that NaN fails it too.
    if not bool(((value >= low) & (value <= high)).all()):
        raise CheckpointError(f"town state: {name}: found values outside [{low}, {high}]")
    return value.to(env.device, copy=True)


def bounds(env: TownEnv, name: str) -> tuple[float, float]:
    """The least and the largest value that a field may hold."""
    return {
        "cell": (0, env.level.cells - 1),
        "places": (-1, env.level.cells - 1),
        "steps": (0, env.level.max_steps),
        "progress": (0, MAX_TICKS - 1),
        "hour": (0, HOURS - 1),
        "multiplier": (0, MAX_MULTIPLIER),
    }.get(name, (0, 1))


def ground_of(env: TownEnv, places: Tensor) -> Tensor:
    """[N, C] affordance id of each cell, from the cell of each affordance [N, 14]."""
    # Absent affordances write into an extra cell, which is cut off again.
    cells = torch.where(places >= 0, places, env.level.cells)
    kinds = torch.arange(NOTHING, device=env.device).expand(env.num_envs, -1)
    ground = torch.full((env.num_envs, env.level.cells + 1), NOTHING, device=env.device)
    return ground.scatter_(1, cells, kinds)[:, : env.level.cells].contiguous()
