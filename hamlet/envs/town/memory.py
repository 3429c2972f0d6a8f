"""What a script has seen of the town in this episode, row by row.

Shapes: N environments, 14 affordances, C cells.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hamlet.envs.town.env import TownEnv
from hamlet.envs.town.shaping import distances
from hamlet.envs.town.tables import NOTHING

FAR = 1_000_000.0


class TownMemory:
    """Places and cells seen. With a full view everything is seen at once.

    Attributes:
        known: [N, 14] cell of each affordance seen, -1 where none was.
        seen: [N, C] bool.
    """

    def __init__(self, env: TownEnv) -> None:
        level, device = env.level, env.device
        self.distances = distances(level).to(device)
        cells = torch.arange(level.cells, device=device)
        columns, rows = cells % level.width, cells // level.width
        reach = level.window // 2 if level.window else max(level.width, level.height)
        near_column = (columns.unsqueeze(1) - columns).abs() <= reach
        near_row = (rows.unsqueeze(1) - rows).abs() <= reach
        self.visible = near_column & near_row  # [C, C]
        self.bands = rows // (2 * reach + 1)
        self.known = torch.full((env.num_envs, NOTHING), -1, device=device)
        self.seen = torch.zeros(env.num_envs, level.cells, dtype=torch.bool, device=device)

    def forget(self, mask: Tensor) -> None:
        self.known = self.known.masked_fill(mask.unsqueeze(1), -1)
        self.seen = self.seen & ~mask.unsqueeze(1)

    def look(self, env: TownEnv) -> None:
        """Take in what the view shows from where the agent stands."""
        visible = self.visible.index_select(0, env.cell)
        self.seen = self.seen | visible
        shown = visible.gather(1, env.places.clamp_min(0)) & (env.places >= 0)
        self.known = torch.where(shown, env.places, self.known)

    def steps_to_known(self, env: TownEnv) -> Tensor:
        """[N, 14] steps to each known affordance, FAR where none is known."""
        steps = self.distances[env.cell.unsqueeze(1), self.known.clamp_min(0)]
        return torch.where(self.known >= 0, steps, FAR)

    def next_unseen(self, env: TownEnv) -> Tensor:
        """[N] the cell to walk to when sweeping the town in rows as high as the window.

        The nearest unseen cell of the nearest such row; any cell where all were seen.
        """
        other_row = (self.bands.index_select(0, env.cell).unsqueeze(1) - self.bands).abs()
        order = other_row * self.distances.amax() * 2 + self.distances.index_select(0, env.cell)
        return order.masked_fill(self.seen, FAR).argmin(dim=1)
