"""Connect Four behind PettingZoo's interface, in which two agents take turns.

The only module of the library that imports PettingZoo.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from hamlet.envs.connect_four.drawing import as_picture, as_text
from hamlet.envs.connect_four.planes import planes_of
from hamlet.envs.connect_four.position import COLUMNS, RED, ROWS, Position
from hamlet.errors import HamletError

try:
    from gymnasium import spaces
    from pettingzoo import AECEnv
except ImportError as error:
    raise HamletError(
        'ConnectFourAEC needs pettingzoo, which is missing. pip install "hamlet[games]"'
    ) from error

AGENTS = ("player_0", "player_1")  # Red, who moves first, and Yellow
RENDER_MODES = ("ansi", "human", "rgb_array")


class ConnectFourAEC(AECEnv):
    """One game. Agents see the board as networks do, with the planes last.

    Observation: `observation` [6, 7, 3] float32, stones of the agent, stones of the other, all 1
    if the agent is Red; `action_mask` [7] int8, all 0 for the agent that is not to move.
    Reward: 1 to the winner and -1 to the loser at the end, 0 otherwise.
    """

    metadata = {
        "name": "hamlet_connect_four_v0",
        "render_modes": list(RENDER_MODES),
        "is_parallelizable": False,
        "render_fps": 2,
    }

    def __init__(self, render_mode: str | None = None) -> None:
        """Raises: HamletError for an unknown mode."""
        super().__init__()
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise HamletError(
                f"render_mode: found {render_mode!r}; expected one of {', '.join(RENDER_MODES)}"
            )
        self.render_mode = render_mode
        self.possible_agents = list(AGENTS)
        shown = spaces.Box(0.0, 1.0, (ROWS, COLUMNS, 3), np.float32)
        mask = spaces.Box(0, 1, (COLUMNS,), np.int8)
        self.observation_spaces = {
            agent: spaces.Dict({"observation": shown, "action_mask": mask}) for agent in AGENTS
        }
        self.action_spaces = {agent: spaces.Discrete(COLUMNS) for agent in AGENTS}
        self.position = Position()

    def observation_space(self, agent: str) -> spaces.Space:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a new game. Nothing in the game is drawn by lot, so `seed` changes nothing."""
        self.position = Position()
        self.agents = list(AGENTS)
        self.rewards = dict.fromkeys(AGENTS, 0)
        self._cumulative_rewards = dict.fromkeys(AGENTS, 0)
        self.terminations = dict.fromkeys(AGENTS, False)
        self.truncations = dict.fromkeys(AGENTS, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in AGENTS}
        self.agent_selection = AGENTS[0]

    def observe(self, agent: str) -> dict[str, np.ndarray]:
        to_move = agent == AGENTS[self.position.player - 1]
        mask = self.position.legal() if to_move else [False] * COLUMNS
        return {
            "observation": observation_of(self.position, agent == AGENTS[0]),
            "action_mask": np.array(mask, dtype=np.int8),
        }

    def step(self, action: int | None) -> None:
        """Raises: IllegalMoveError for a column that may not be played; nothing has moved then."""
        if self.terminations[self.agent_selection]:
            self._was_dead_step(action)
            return
        mover, other = AGENTS if self.agent_selection == AGENTS[0] else AGENTS[::-1]
        column = int(action) if isinstance(action, np.integer) else action
        self.position = self.position.play(column)
        self._cumulative_rewards[mover] = 0
        self._clear_rewards()
        if self.position.winner:
            self.rewards = {mover: 1, other: -1}
        if self.position.ended:
            self.terminations = dict.fromkeys(AGENTS, True)
        self.agent_selection = other
        self._accumulate_rewards()
        if self.render_mode == "human":
            self.render()

    def render(self) -> str | np.ndarray | None:
        """Text for `ansi`, a picture for `rgb_array`; `human` prints the text."""
        if self.render_mode == "rgb_array":
            return as_picture(self.position)
        if self.render_mode == "human":
            print(as_text(self.position))
        return as_text(self.position) if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Nothing is open."""


def observation_of(position: Position, red: bool) -> np.ndarray:
    """[6, 7, 3] float32 of a position as Red (or Yellow) sees it, whoever is to move."""
    mine = position.own if red == (position.player == RED) else position.other
    planes = planes_of(torch.tensor([mine]), torch.tensor([position.occupied]), torch.tensor([red]))
    return np.ascontiguousarray(planes[0].permute(1, 2, 0).numpy())
