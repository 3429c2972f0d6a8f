"""How meters fall and pull each other down: base loss, modulation, cascades.

Only elementwise operations are used here, never a matrix product: a product may round
differently for one environment than for a thousand, and batch size must not change a trajectory.

Shapes: N environments, 8 meters.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import threshold

from hamlet.envs.town.tables import (
    CASCADES,
    CRISIS,
    METER_ID,
    METERS,
    MODULATION_FLOOR,
    MODULATION_RATE,
    MODULATION_SPAN,
    PIVOTAL,
)

DUST = 1e-6  # a meter at or below this is empty; without it 1 - 200 x 0.005 is not quite 0
COUNT = len(METERS)


def pulls() -> tuple[list[int], list[float]]:
    """Who pulls at whom, laid out in slots of one pull per target.

    Returns: (sources, strengths), each slots x 8 long: entry `slot * 8 + target` is one meter
    that pulls at the target, and how much the target loses per unit of what the source lacks.
    Modulation is a pull of fitness at health: 0.001 x 2.5 x (1 - fitness).
    """
    by_target: list[list[tuple[int, float]]] = [[] for _ in METERS]
    by_target[METER_ID["health"]].append((METER_ID["fitness"], MODULATION_RATE * MODULATION_SPAN))
    for cascade in CASCADES:
        pull = (METER_ID[cascade.source], cascade.strength / CRISIS)
        by_target[METER_ID[cascade.target]].append(pull)
    slots = max(map(len, by_target))
    padded = [pulls + [(0, 0.0)] * (slots - len(pulls)) for pulls in by_target]
    flat = [padded[target][slot] for slot in range(slots) for target in range(COUNT)]
    return [source for source, _ in flat], [strength for _, strength in flat]


class Relations:
    """The relations of N environments, each with its own active meters and difficulty."""

    def __init__(self, base_losses: Sequence[float], device: torch.device) -> None:
        sources, strengths = pulls()
        self.base_losses = torch.tensor(base_losses, device=device)
        self.sources = torch.tensor(sources, device=device)
        self.all_strengths = torch.tensor(strengths, device=device)
        self.floor = torch.zeros(COUNT, device=device)
        self.floor[METER_ID["health"]] = MODULATION_RATE * MODULATION_FLOOR
        self.is_source = torch.zeros(COUNT, dtype=torch.bool, device=device)
        self.is_source[[METER_ID[cascade.source] for cascade in CASCADES]] = True
        self.is_pivotal = torch.zeros(COUNT, dtype=torch.bool, device=device)
        self.is_pivotal[[METER_ID[name] for name in PIVOTAL]] = True

    def set(self, active: Tensor, multiplier: Tensor) -> None:
        """Take up which meters are active [N, 8] bool, and the base-loss multiplier [N]."""
        zero = torch.zeros((), device=active.device)
        losses = self.base_losses * multiplier.unsqueeze(1) + self.floor
        self.losses = torch.where(active, losses, zero)
        # What a source lacks is measured from here. An inactive source never lacks anything;
        # fitness modulates from 1 down, and goes on to with its start value where inactive.
        self.full = torch.where(active & self.is_source, CRISIS, zero)
        self.full[:, METER_ID["fitness"]] = 1.0
        slots = len(self.all_strengths) // COUNT
        self.strengths = torch.where(active.repeat(1, slots), self.all_strengths, zero)
        self.lethal = torch.where(active & self.is_pivotal, 0.0, -1.0)

    def apply(self, meters: Tensor) -> Tensor:
        """One step of base loss, modulation and the three cascade groups.

        No source of a group is a target of an earlier one, and every change is a loss; so all
        pulls may be taken from the meters after base loss, and one clamp at the end is enough.
        """
        meters = (meters - self.losses).clamp_min_(0.0)
        lacking = (self.full - meters).clamp_min_(0.0)
        pull = lacking.index_select(1, self.sources).mul_(self.strengths)
        first, *others = pull.split(COUNT, dim=1)
        for other in others:
            first = first + other
        return threshold(meters - first, DUST, 0.0)

    def deaths(self, meters: Tensor) -> Tensor:
        """[N] bool, true where an active pivotal meter is empty."""
        return (meters <= self.lethal).any(dim=1)
