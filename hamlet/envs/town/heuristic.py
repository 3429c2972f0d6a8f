"""The rules of the scripted heuristic, for all rows of an environment at once.

1. Finish a use that was begun, while it is open, paid for and safe.
2. Of the needs below their threshold take the one with the lowest value / threshold. For it go
   to the place that is open on arrival, affordable and safe, with the lowest distance - 10 x gain.
   In a windowed view, sweep the town while a place that would serve the need is unknown.
   Where nothing serves the worst need, look after the next.
3. With little money and nothing urgent, go to the nearest work.
4. Else REST, or WAIT.

The specification says which need, which place and when to work. What it leaves open is decided so:

- A use that takes several ticks is finished before anything else, rule 1.
- Safe means energy above 0.12 after the way there and all ticks of the use, and health above 0.1
  after what the use itself does to it; a meter that is not active needs no care.
- Affordable means the money for all ticks that are left; where money is not active, everything is.
- A gain counts no further than to a full meter, so a luxury bed is no better for a small need.
- A need that no place can serve now, seen or still to be found, is left for the next worst.
- Money is never a need: work is looked for when nothing else is urgent, nearest first.
- Open on arrival looks at the hour of arrival, not at the hours that a long use goes on for.
- In a window, sweeping goes row by row in bands as high as the window, nearest unseen cell first.
- It walks along its row before it walks along its column, and where the move is not legal it rests.

Shapes: N environments, 14 affordances, 8 meters, C cells.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from hamlet.envs.town.env import TownEnv
from hamlet.envs.town.memory import FAR, TownMemory
from hamlet.envs.town.rules import PENNY
from hamlet.envs.town.tables import (
    ACTIONS,
    AFFORDANCE_NAMES,
    AFFORDANCES,
    DOWN,
    HOURS,
    INTERACT,
    LEFT,
    METER_ID,
    METERS,
    NOTHING,
    REST,
    RIGHT,
    UP,
    WAIT,
)

THRESHOLDS = {
    "energy": 0.6,
    "satiation": 0.5,
    "health": 0.5,
    "hygiene": 0.45,
    "mood": 0.45,
    "social": 0.4,
    "fitness": 0.4,
}
LITTLE_MONEY = 0.3
SAFE_ENERGY, SAFE_HEALTH = 0.12, 0.1
STEPS_PER_GAIN = 10.0
ENERGY, MONEY, HEALTH = METER_ID["energy"], METER_ID["money"], METER_ID["health"]
EFFORT = -ACTIONS[INTERACT].effect["energy"]  # of a move too


class Prospects(NamedTuple):
    """What each place offers each row now.

    Attributes:
        steps: [N, 14] to the place, FAR where it is unknown.
        gain: [N, 14, 8] change of each meter by finishing one use, no more than is lacking.
        reachable: [N, 14] bool, known, and open on arrival, affordable and safe.
        hidden: [N, 14] bool, unknown, but worth finding: open, affordable and safe if it were here.
    """

    steps: Tensor
    gain: Tensor
    reachable: Tensor
    hidden: Tensor


class Planner:
    """Memory and look-up tables of the heuristic for one environment."""

    def __init__(self, env: TownEnv) -> None:
        level, device = env.level, env.device
        self.level, self.device, self.num_envs = level, device, env.num_envs
        self.memory = TownMemory(env)
        uses = [(a.ticks, a.tick_price) if level.temporal else (1, a.price) for a in AFFORDANCES]
        self.ticks = torch.tensor([float(ticks) for ticks, _ in uses], device=device)
        self.price = torch.tensor([price for _, price in uses], device=device)
        self.per_tick = meter_table([a.per_tick for a in AFFORDANCES], device)
        self.completion = meter_table([a.on_completion for a in AFFORDANCES], device)
        if not level.temporal:
            self.per_tick = meter_table([a.total_effect() for a in AFFORDANCES], device)
            self.completion = torch.zeros_like(self.per_tick)
        open_hours = [
            not level.temporal or a.is_open(hour) for a in AFFORDANCES for hour in range(HOURS)
        ]
        self.open = torch.tensor(open_hours, device=device)
        self.kinds = torch.arange(NOTHING, device=device)
        self.exists = torch.tensor(
            [name in level.affordances for name in AFFORDANCE_NAMES], device=device
        )
        # Money is a means and not a need: threshold 0 is never undercut.
        self.thresholds = torch.tensor([THRESHOLDS.get(m.name, 0.0) for m in METERS], device=device)

    def fits(self, env: TownEnv) -> bool:
        shape = self.num_envs == env.num_envs and self.device == env.device
        return shape and (self.level is env.level or self.level == env.level)

    def forget(self, mask: Tensor | None = None) -> None:
        everyone = torch.ones(self.num_envs, dtype=torch.bool, device=self.device)
        self.memory.forget(everyone if mask is None else mask)

    def act(self, env: TownEnv) -> Tensor:
        """[N] the action that the rules choose in the present state; always legal."""
        self.memory.forget(env.steps == 0)  # a new episode, whether or not anybody said so
        self.memory.look(env)
        prospects = self.judge(env)
        goal = self.goal(env, prospects)
        action = torch.where(goal >= 0, self.towards(env, goal), INTERACT)
        idle = torch.where(env.action_mask[:, REST], REST, WAIT)
        action = torch.where((goal >= 0) | self.busy(env, prospects), action, idle)
        legal = env.action_mask.gather(1, action.unsqueeze(1)).squeeze(1)
        return torch.where(legal, action, idle)

    def judge(self, env: TownEnv) -> Prospects:
        """Weigh every place for every row."""
        steps = self.memory.steps_to_known(env)
        underfoot = env.ground.gather(1, env.cell.unsqueeze(1))
        left = self.ticks - (underfoot == self.kinds) * env.progress.unsqueeze(1)
        change = left.unsqueeze(2) * self.per_tick + self.completion
        change = change * env.active.unsqueeze(1)
        can = self.exists & self.affordable(env, left)
        spare_energy, spare_health = self.spare(env, left, change)
        can = can & (spare_health > 0)
        cost = self.step_cost(env)
        known = steps < FAR
        reachable = can & known & (spare_energy > steps * cost) & self.open_in(env, steps)
        hidden = can & ~known & (spare_energy > 0) & self.open_in(env, torch.zeros_like(steps))
        gain = torch.minimum(change, (1.0 - env.meters).unsqueeze(1))
        return Prospects(steps, gain, reachable, hidden)

    def affordable(self, env: TownEnv, left: Tensor) -> Tensor:
        """[N, 14] bool: money is enough for the ticks that are left, or plays no part."""
        enough = env.meters[:, MONEY].unsqueeze(1) + PENNY >= left * self.price
        return enough | ~env.active[:, MONEY].unsqueeze(1)

    def step_cost(self, env: TownEnv) -> Tensor:
        """[N, 1] energy that a step of walking or using takes."""
        loss = env.multiplier * self.level.base_losses[ENERGY] + EFFORT
        return (loss * env.active[:, ENERGY]).unsqueeze(1)

    def spare(self, env: TownEnv, left: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
        """[N, 14] energy and health above the safe line after a use on the spot."""
        used = left * self.step_cost(env)
        energy = env.meters[:, ENERGY].unsqueeze(1) - used + change[:, :, ENERGY] - SAFE_ENERGY
        health = env.meters[:, HEALTH].unsqueeze(1) + change[:, :, HEALTH] - SAFE_HEALTH
        careless = ~env.active[:, [ENERGY, HEALTH]]  # what cannot fall needs no care
        energy = energy.masked_fill(careless[:, :1], FAR)
        return energy, health.masked_fill(careless[:, 1:], FAR)

    def open_in(self, env: TownEnv, steps: Tensor) -> Tensor:
        """[N, 14] bool: the place is open that many steps from now."""
        hour = (env.hour.unsqueeze(1) + steps.long()) % HOURS
        return self.open[self.kinds * HOURS + hour]

    def goal(self, env: TownEnv, prospects: Prospects) -> Tensor:
        """[N] the cell to go to; -1 where there is nothing to do, or a use to finish."""
        helps = (prospects.gain > 0).transpose(1, 2)  # [N, 8, 14]
        served = (helps & prospects.reachable.unsqueeze(1)).any(dim=2)
        findable = (helps & prospects.hidden.unsqueeze(1)).any(dim=2)
        ratio = env.meters / self.thresholds.clamp_min(PENNY)
        below = env.active & (env.meters < self.thresholds) & (served | findable)
        need = ratio.masked_fill(~below, FAR).argmin(dim=1)
        urgent = below.any(dim=1)
        poor = (env.meters[:, MONEY] < LITTLE_MONEY) & env.active[:, MONEY]
        need = torch.where(urgent, need, MONEY)
        wanted = urgent | (poor & (served | findable)[:, MONEY])
        column = need.unsqueeze(1)
        place = self.best_place(prospects, need, urgent)
        known = self.memory.known.gather(1, place.unsqueeze(1)).squeeze(1)
        found = served.gather(1, column).squeeze(1)
        cell = torch.where(found, known, self.memory.next_unseen(env))
        return torch.where(wanted & ~self.busy(env, prospects), cell, -1)

    def best_place(self, prospects: Prospects, need: Tensor, urgent: Tensor) -> Tensor:
        """[N] affordance id with the lowest distance - 10 x gain for the need; the nearest where
        it is money that is wanted."""
        chosen = need.view(-1, 1, 1).expand(-1, NOTHING, 1)
        gain = prospects.gain.gather(2, chosen).squeeze(2)
        weight = torch.where(urgent, STEPS_PER_GAIN, 0.0).unsqueeze(1)
        worth = prospects.steps - weight * gain
        return worth.masked_fill(~(prospects.reachable & (gain > 0)), 2 * FAR).argmin(dim=1)

    def busy(self, env: TownEnv, prospects: Prospects) -> Tensor:
        """[N] bool: a use was begun here and may be finished."""
        underfoot = env.ground.gather(1, env.cell.unsqueeze(1))
        possible = prospects.reachable.gather(1, underfoot.clamp_max(NOTHING - 1)).squeeze(1)
        return (env.progress > 0) & possible

    def towards(self, env: TownEnv, goal: Tensor) -> Tensor:
        """[N] the move that leads to the goal, columns first; INTERACT on it."""
        width = self.level.width
        across = goal % width - env.cell % width
        down = goal // width - env.cell // width
        vertical = torch.where(down > 0, DOWN, torch.where(down < 0, UP, INTERACT))
        return torch.where(across > 0, RIGHT, torch.where(across < 0, LEFT, vertical))


def meter_table(changes: list[dict[str, float]], device: torch.device) -> Tensor:
    """[14, 8] amounts by affordance and meter."""
    rows = [[change.get(meter.name, 0.0) for meter in METERS] for change in changes]
    return torch.tensor(rows, device=device)
