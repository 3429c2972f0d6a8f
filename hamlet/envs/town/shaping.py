"""Optional extra rewards that lead a beginner: five terms, each with its own column.

`approach` and `balance` are differences of a potential, discount x P(next) - P(now), which leave
the best policy as it was (Ng, Harada and Russell 1999, theorem 1). The potential of a state
without future is 0 (Grzes 2017, "Reward shaping in episodic reinforcement learning"): after a
death, not after the time limit, which cuts an episode short and does not end its worth.

Shapes: N environments, C cells, 8 meters, 14 affordances.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from hamlet.envs.town.level import TownLevel
from hamlet.envs.town.level_schema import SHAPING_TERMS
from hamlet.envs.town.tables import AFFORDANCES, CRISIS, METER_NAMES

if TYPE_CHECKING:
    from hamlet.envs.town.env import TownEnv

POTENTIAL_BASED = ("approach", "balance")


class Outcome(NamedTuple):
    """What a step did. All [N]: rows that were live, died, completed a use, and of which place
    for the first time in their episode."""

    running: Tensor
    died: Tensor
    completed: Tensor
    first_time: Tensor


class Shaping:
    """The shaping terms of a level that are on; its `names` is empty where none is."""

    def __init__(self, level: TownLevel, device: torch.device) -> None:
        self.weights = {term: level.shaping[term] for term in SHAPING_TERMS if level.shaping[term]}
        self.names = tuple(self.weights)
        self.discount = level.shaping["discount"]
        self.farthest = float(level.width + level.height - 2)
        self.distances = distances(level).to(device)
        self.helps = helps(device)
        self.needs = torch.tensor([name != "money" for name in METER_NAMES], device=device)
        self.before: dict[str, Tensor] = {}

    def restart(self, env: TownEnv) -> None:
        """Take up a state that no step led to: a reset, a new stage, a loaded checkpoint."""
        self.before = self.potentials(env)

    def potentials(self, env: TownEnv) -> dict[str, Tensor]:
        """[N] potential of the present state for each potential-based term that is on."""
        kinds = {"approach": self.nearness, "balance": self.evenness}
        return {name: kinds[name](env) for name in POTENTIAL_BASED if name in self.weights}

    def nearness(self, env: TownEnv) -> Tensor:
        """[N] in [-1, 0]: minus the distance to the nearest place that raises the lowest need.

        0 where no place in the town raises it.
        """
        lowest = self.lowest_need(env)
        helping = self.helps.index_select(0, lowest) & (env.places >= 0)
        away = self.distances[env.cell.unsqueeze(1), env.places.clamp_min(0)]
        nearest = away.masked_fill(~helping, self.farthest + 1).amin(dim=1)
        return torch.where(helping.any(dim=1), -nearest / self.farthest, 0.0)

    def evenness(self, env: TownEnv) -> Tensor:
        """[N] in [-1, 0]: minus the gap between the highest and the lowest active need."""
        counted = env.active & self.needs
        highest = env.meters.masked_fill(~counted, -1.0).amax(dim=1)
        lowest = env.meters.masked_fill(~counted, 2.0).amin(dim=1)
        return torch.where(counted.any(dim=1), lowest - highest, 0.0)

    def lowest_need(self, env: TownEnv) -> Tensor:
        """[N] meter id; money is a means, not a need."""
        return env.meters.masked_fill(~(env.active & self.needs), 2.0).argmin(dim=1)

    def crisis_share(self, env: TownEnv) -> Tensor:
        """[N] in [-1, 0]: minus the share of active needs that stand below the crisis line."""
        counted = env.active & self.needs
        low = (counted & (env.meters < CRISIS)).sum(dim=1)
        return -low / counted.sum(dim=1).clamp_min(1)

    def step(self, env: TownEnv, outcome: Outcome) -> dict[str, Tensor]:
        """Each term's reward [N] for the step that led to the present state of `env`."""
        after = self.potentials(env)
        terms = {}
        for name, weight in self.weights.items():
            if name in POTENTIAL_BASED:
                future = after[name].masked_fill(outcome.died, 0.0)
                value = self.discount * future - self.before[name]
            elif name == "completion":
                value = outcome.completed.float()
            elif name == "crisis_avoidance":
                value = self.crisis_share(env)
            else:
                value = outcome.first_time.float()
            terms[name] = (value * weight).masked_fill(~outcome.running, 0.0)
        self.before = after
        return terms


def distances(level: TownLevel) -> Tensor:
    """[C, C] Manhattan distance between cells, float32."""
    cells = torch.arange(level.cells)
    columns, rows = cells % level.width, cells // level.width
    gap = (columns.unsqueeze(1) - columns).abs() + (rows.unsqueeze(1) - rows).abs()
    return gap.float()


def helps(device: torch.device) -> Tensor:
    """[8, 14] bool, true where a whole use of the affordance raises the meter."""
    rows = [
        [affordance.total_effect().get(name, 0.0) > 0 for affordance in AFFORDANCES]
        for name in METER_NAMES
    ]
    return torch.tensor(rows, device=device)
