"""The town behind Gymnasium's interfaces, for one environment and for many.

It needs Gymnasium (extra `gym`), as the same interfaces of Connect Four do.

Shapes: N environments, D observation size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from hamlet.envs.town.env import TownEnv
from hamlet.envs.town.level import TownLevel
from hamlet.envs.town.observations import SCALAR_AGENT, layout_for
from hamlet.envs.town.packs import load_pack
from hamlet.envs.town.tables import ACTIONS
from hamlet.errors import ShapeError

SHOWN = ("action_mask", "affordance", "completed", "refused_poor", "illegal", "dense_extrinsic")


def observation_box(level: TownLevel) -> spaces.Box:
    """Bounds of every number of an observation: [0, 1] but for the clock's sine and cosine and
    for the agent's 2 in a scalar grid."""
    layout = layout_for(level)
    low = np.zeros(layout.size, dtype=np.float32)
    high = np.ones(layout.size, dtype=np.float32)
    low[layout.group("clock").start : layout.group("clock").start + 2] = -1.0
    if level.grid_encoding == "scalar":
        high[layout.group("grid").slice] = SCALAR_AGENT
    return spaces.Box(low, high, dtype=np.float32)


def as_level(level: TownLevel | str) -> TownLevel:
    return load_pack(level).level if isinstance(level, str) else level


class TownGymEnv(gymnasium.Env):
    """One town. The reward is extrinsic plus shaping; `info` holds both and the action mask.

    An illegal action counts as WAIT and is reported as `info["illegal"]`.
    """

    metadata = {"render_modes": []}

    def __init__(self, level: TownLevel | str, *, seed: int = 0) -> None:
        """level: a level or the name of a shipped one. seed: used until `reset` is given one."""
        self.level = as_level(level)
        self.town = TownEnv(self.level, 1, seed=seed)
        self.observation_space = observation_box(self.level)
        self.action_space = spaces.Discrete(len(ACTIONS))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.town.reset(seed=seed)
        return self._observation(), {"action_mask": self.town.action_mask[0].numpy().copy()}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        _, streams, terminated, truncated, info = self.town.step(torch.tensor([int(action)]))
        extrinsic, shaping = float(streams.extrinsic[0]), float(streams.shaping[0])
        shown: dict[str, Any] = {name: info[name][0].item() for name in SHOWN[1:]}
        shown["action_mask"] = info["action_mask"][0].numpy().copy()
        shown |= {"extrinsic": extrinsic, "shaping": shaping}
        ended = bool(terminated[0]), bool(truncated[0])
        return self._observation(), extrinsic + shaping, *ended, shown

    def action_masks(self) -> np.ndarray:
        """[8] bool of the present state, under the name that sb3-contrib looks for."""
        return self.town.action_mask[0].numpy().copy()

    def _observation(self) -> np.ndarray:
        return self.town.obs[0].numpy().copy()


class TownVectorEnv(VectorEnv):
    """N towns in one batch. A row that ends is reset in the same step.

    What the row ended with stands in `infos["final_obs"]` and `infos["final_info"]`, in the form
    of Gymnasium's own vector environments. One generator serves all rows: `reset(seed=7)` is
    `TownEnv(level, N, seed=7)`; a list of seeds gives each row its own first episode.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(
        self, level: TownLevel | str, num_envs: int, *, device: str = "cpu", seed: int = 0
    ) -> None:
        self.level = as_level(level)
        self.town = TownEnv(self.level, num_envs, device, seed)
        self.num_envs = num_envs
        self.single_observation_space = observation_box(self.level)
        self.single_action_space = spaces.Discrete(len(ACTIONS))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self,
        *,
        seed: int | Sequence[int] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Reset all rows, or those of `options["reset_mask"]` ([N] bool).

        Raises: ShapeError if there is not one seed per row, or the mask has another shape.
        """
        mask = (options or {}).get("reset_mask")
        super().reset(seed=seed if isinstance(seed, int) else None)
        if mask is not None and not isinstance(mask, np.ndarray):
            raise ShapeError(f"reset_mask: found {type(mask).__name__}; expected a numpy array")
        chosen = None if mask is None else torch.from_numpy(mask)
        obs = self.town.reset(chosen, list(seed) if isinstance(seed, Sequence) else seed)
        infos = {"action_mask": array(self.town.action_mask)}
        return array(obs), {**infos, "_action_mask": np.ones(self.num_envs, dtype=bool)}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """[N, D] observations after resets, [N] rewards, [N] ends and infos of one step."""
        obs, streams, terminated, truncated, info = self.town.step(np.asarray(actions))
        rewards = array(streams.extrinsic.double() + streams.shaping.double())
        own = {name: array(info[name]) for name in SHOWN}
        own |= {"extrinsic": array(streams.extrinsic), "shaping": array(streams.shaping)}
        ended = terminated | truncated
        infos: dict[str, Any] = {}
        if bool(ended.any()):
            infos = self._final(array(obs), array(ended), own)
            obs = self.town.reset(ended)
            own |= {"action_mask": array(self.town.action_mask)}
        return array(obs), rewards, array(terminated), array(truncated), infos | marked(own)

    def _final(
        self, obs: np.ndarray, ended: np.ndarray, own: dict[str, np.ndarray]
    ) -> dict[str, Any]:
        final_obs = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(ended):
            final_obs[row] = obs[row]
        info: dict[str, Any] = {}
        for name, values in own.items():
            info[name], info[f"_{name}"] = np.zeros_like(values), ended.copy()
            info[name][ended] = values[ended]
        return {
            "final_obs": final_obs,
            "_final_obs": ended.copy(),
            "final_info": info,
            "_final_info": ended.copy(),
        }


def marked(info: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Each array with its `_name` beside it, which says for which rows it holds: here all."""
    everyone = {f"_{name}": np.ones(len(values), dtype=bool) for name, values in info.items()}
    return {**info, **everyone}


def array(tensor: torch.Tensor) -> np.ndarray:
    """A copy, so that what a caller writes into it never reaches the town."""
    return tensor.cpu().numpy().copy()
