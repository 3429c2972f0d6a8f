"""What the agent sees, as one flat row of numbers per environment.

Shapes: N environments, C cells, P cells in view, D numbers in an observation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hamlet.envs.town.level import TownLevel
from hamlet.envs.town.tables import (
    ACTION_NAMES,
    AFFORDANCE_NAMES,
    HOURS,
    MAX_TICKS,
    METER_NAMES,
    NOTHING,
)
from hamlet.layout import Group, ObservationLayout

PLANES = NOTHING + 1  # one per affordance, in id order, and the agent's
PROGRESS_SCALE = 10.0
SCALAR_AFFORDANCE, SCALAR_AGENT = 1.0, 2.0


def layout_for(level: TownLevel) -> ObservationLayout:
    """The layout of a level's observations; the same groups in every level."""
    rows, columns = (level.window,) * 2 if level.window else (level.height, level.width)
    grid = (PLANES, rows, columns) if level.grid_encoding == "planes" else (rows, columns)
    shapes = {
        "grid": grid,
        "position": (2,),
        "meters": (len(METER_NAMES),),
        "underfoot": (NOTHING + 1,),
        "clock": (4,),
    }
    groups, start = [], 0
    for name, shape in shapes.items():
        groups.append(Group(name, start, start + math.prod(shape), shape))
        start = groups[-1].stop
    return ObservationLayout(
        groups=tuple(groups),
        grid_encoding=level.grid_encoding,
        affordances=AFFORDANCE_NAMES,
        meters=METER_NAMES,
        actions=ACTION_NAMES,
    )


def positions(level: TownLevel) -> Tensor:
    """[C, 2] column and row of every cell, each scaled to [0, 1]."""
    cells = torch.arange(level.cells)
    columns = (cells % level.width) / (level.width - 1)
    rows = (cells // level.width) / (level.height - 1)
    return torch.stack((columns, rows), dim=1)


def surroundings(device: torch.device) -> Tensor:
    """[15 * 24 * 8, 18] one-hot of the affordance underfoot, sine and cosine of the hour, progress.

    Row `(affordance * 24 + hour) * 8 + progress`: one look-up instead of many small operations.
    """
    angle = 2 * math.pi * torch.arange(HOURS, dtype=torch.float64) / HOURS
    clock = torch.stack((angle.sin(), angle.cos()), dim=1).float()
    shape = (NOTHING + 1, HOURS, MAX_TICKS)
    one_hot = torch.eye(NOTHING + 1).view(NOTHING + 1, 1, 1, -1).expand(*shape, -1)
    hour = clock.view(1, HOURS, 1, 2).expand(*shape, -1)
    progress = torch.arange(MAX_TICKS).view(1, 1, MAX_TICKS, 1).expand(*shape, -1) / PROGRESS_SCALE
    return torch.cat((one_hot, hour, progress), dim=3).flatten(0, 2).to(device)


class FullView:
    """The whole map: placements are kept as ready planes, only the agent moves."""

    def __init__(self, level: TownLevel, num_envs: int, device: torch.device) -> None:
        self.planes = level.grid_encoding == "planes"
        cells, agent = level.cells, torch.eye(level.cells)
        if self.planes:
            self.still = torch.zeros(num_envs, NOTHING * cells, device=device)
            self.moving = torch.cat((agent, positions(level)), dim=1).to(device)
        else:
            self.still = torch.zeros(num_envs, cells, device=device)
            self.moving = (agent * SCALAR_AGENT).to(device)
            self.positions = positions(level).to(device)
        self.kinds = torch.arange(NOTHING, device=device).view(1, NOTHING, 1)

    def lay_out(self, rows: Tensor, ground: Tensor) -> None:
        """Take up new placements. rows: [K] indices; ground: [K, C] affordance ids."""
        if self.planes:
            self.still[rows] = (ground.unsqueeze(1) == self.kinds).float().flatten(1)
        else:
            self.still[rows] = (ground != NOTHING).float() * SCALAR_AFFORDANCE

    def parts(self, cell: Tensor) -> tuple[Tensor, ...]:
        """Grid and position groups for agents on `cell` [N], to be joined along dim 1."""
        moving = self.moving.index_select(0, cell)
        if self.planes:
            return self.still, moving
        return torch.maximum(self.still, moving), self.positions.index_select(0, cell)


class WindowView:
    """A square around the agent, cut from a map with a margin of nothing."""

    def __init__(self, level: TownLevel, num_envs: int, device: torch.device) -> None:
        self.planes = level.grid_encoding == "planes"
        side, margin = level.window, level.window // 2
        wide, high = level.width + 2 * margin, level.height + 2 * margin
        grid = torch.arange(wide * high).view(high, wide)
        windows = grid.unfold(0, side, 1).unfold(1, side, 1)  # [H, W, side, side]
        self.windows = windows.reshape(level.cells, side * side).to(device)
        inner = grid[margin : high - margin, margin : wide - margin]
        self.inner = inner.flatten().to(device)
        self.map = torch.full((num_envs, wide * high), NOTHING, device=device)
        self.positions = positions(level).to(device)
        self.kinds = torch.arange(NOTHING, device=device).view(1, NOTHING, 1)
        self.agent = torch.zeros(1, side * side, device=device)
        self.agent[0, side * side // 2] = 1.0
        self.agents = self.agent.expand(num_envs, -1)
        self.seen = torch.zeros(num_envs, NOTHING, side * side, device=device)

    def lay_out(self, rows: Tensor, ground: Tensor) -> None:
        self.map[rows.unsqueeze(1), self.inner] = ground

    def parts(self, cell: Tensor) -> tuple[Tensor, ...]:
        seen = self.map.gather(1, self.windows.index_select(0, cell))  # [N, P]
        position = self.positions.index_select(0, cell)
        if self.planes:
            # Comparing straight into floats takes half the time of converting afterwards.
            torch.eq(seen.unsqueeze(1), self.kinds, out=self.seen)
            return self.seen.flatten(1), self.agents, position
        grid = (seen != NOTHING).float() * SCALAR_AFFORDANCE
        return torch.maximum(grid, self.agent * SCALAR_AGENT), position


class Observer:
    """Puts the observation of all environments together, group by group, in one new tensor."""

    def __init__(self, level: TownLevel, num_envs: int, device: torch.device) -> None:
        view = WindowView if level.window else FullView
        self.view = view(level, num_envs, device)
        self.surroundings = surroundings(device)
        taken = torch.arange(level.max_steps + 1, device=device)
        self.steps_taken = (taken / level.max_steps).unsqueeze(1)

    def observe(
        self, cell: Tensor, spot: Tensor, progress: Tensor, meters: Tensor, steps: Tensor
    ) -> Tensor:
        """Build the observation.

        Args:
            cell, progress, steps: [N] int64. meters: [N, 8].
            spot: [N] int64, affordance underfoot * 24 + hour.

        Returns: [N, D] float32, a tensor of its own that no later step changes.
        """
        around = self.surroundings.index_select(0, torch.add(progress, spot, alpha=MAX_TICKS))
        taken = self.steps_taken.index_select(0, steps)
        return torch.cat((*self.view.parts(cell), meters, around, taken), dim=1)
