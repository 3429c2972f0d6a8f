"""Levels and towns made for a test."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from hamlet.envs.town import TownEnv, TownLevel, level_from_data, load_pack
from hamlet.envs.town.tables import ACTION_NAMES, AFFORDANCE_ID, METER_ID


@cache
def shipped(name: str) -> TownLevel:
    return load_pack(name).level


def level_data(name: str = "L1", **changes: Any) -> dict[str, Any]:
    """A shipped level as plain data, with some of its fields replaced."""
    return {**shipped(name).to_data(), **changes}


def make_level(name: str = "L1", **changes: Any) -> TownLevel:
    return level_from_data(level_data(name, **changes))


def stand_on(env: TownEnv, affordance: str) -> None:
    """Put every agent on its own town's place of that name."""
    saved = env.state_dict()
    saved["cell"] = env.places[:, AFFORDANCE_ID[affordance]].clone()
    env.load_state_dict(saved)


def put(env: TownEnv, *, hour: int | None = None, **meters: float) -> None:
    """Set meters (and the hour) of every row, the honest way: through a saved state."""
    saved = env.state_dict()
    for name, value in meters.items():
        saved["meters"][:, METER_ID[name]] = value
    if hour is not None:
        saved["hour"][:] = hour
    env.load_state_dict(saved)


def meter(env: TownEnv, name: str, row: int = 0) -> float:
    return float(env.meters[row, METER_ID[name]])


def act(env: TownEnv, *names: str) -> Any:
    """Every row takes the same actions; what the last step returned."""
    for name in names:
        result = env.step(all_rows(env, name))
    return result


def all_rows(env: TownEnv, action: str) -> Tensor:
    return torch.full((env.num_envs,), ACTION_NAMES.index(action))


def random_legal(env: TownEnv, generator: torch.Generator) -> Tensor:
    scores = torch.rand(env.action_mask.shape, generator=generator)
    return scores.masked_fill(~env.action_mask, -1.0).argmax(dim=1)
