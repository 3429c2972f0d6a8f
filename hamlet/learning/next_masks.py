"""Which actions would be legal next, also where an episode was cut short.

Letters: N environments, A actions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hamlet.envs.town import TownEnv
from hamlet.envs.town.rules import legal_actions, opening_hours
from hamlet.envs.town.tables import HOURS


class NextMasks:
    """The masks that bootstrapped targets need.

    An environment that has ended says WAIT only. But the situation at the time limit keeps its
    worth (the learner bootstraps through it), and that is the worth of the best action which
    would have been legal had the episode gone on.
    """

    def __init__(self, env: TownEnv) -> None:
        self.env = env
        self._legal = legal_actions(env.level).to(env.device)
        self._open = opening_hours(env.level.temporal).to(env.device)

    def __call__(self) -> Tensor:
        """[N, A] bool for the present state of the environment."""
        env = self.env
        if not bool(env.truncated.any()):
            return env.action_mask
        underfoot = env.ground.gather(1, env.cell.unsqueeze(1)).squeeze(1)
        is_open = self._open.index_select(0, underfoot * HOURS + env.hour)
        running = self._legal.index_select(0, env.cell + env.level.cells * is_open)
        return torch.where(env.truncated.unsqueeze(1), running, env.action_mask)
