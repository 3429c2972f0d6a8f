"""The laws of `tables` for one level, as tensors that a whole batch looks up at once.

Shapes: N environments, C cells. An affordance index of NOTHING (14) means bare ground.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hamlet.envs.town.level import TownLevel
from hamlet.envs.town.tables import (
    ACTION_NAMES,
    ACTIONS,
    AFFORDANCES,
    HOURS,
    INTERACT,
    METER_ID,
    METERS,
    NOTHING,
    WAIT,
    Affordance,
)

PENNY = 1e-6  # money within this of the price is enough; sums of floats are not exact
NEVER = -1
MONEY = METER_ID["money"]


def amounts(changes: dict[str, float], price: float = 0.0) -> list[float]:
    """One number per meter, with a price taken from money."""
    row = [changes.get(meter.name, 0.0) for meter in METERS]
    row[MONEY] -= price
    return row


class Rules:
    """Look-up tables of a level.

    Attributes:
        action_effect: [8, 8] change of each meter by taking each action.
        move: [8] change of the cell index by each action.
        legal: [2 C + 1, 8] bool; row `cell + C * open` while alive, the last row once ended.
        ended_row: index of that last row.
        price: [15] what one INTERACT costs, less PENNY.
        last_tick: [15] progress at which the next INTERACT completes the use; NEVER on bare ground.
        use_effect: [30, 8] change by one INTERACT, price included; row `affordance` for a tick
            in between, `affordance + 15` for the completing one. Row NOTHING is zero.
        wait, nowhere, nothing, zero: those numbers, for use in torch.where.
        open: [15 * 24] bool, by `affordance * 24 + hour`. Bare ground is never open.
    """

    def __init__(self, level: TownLevel, device: torch.device) -> None:
        self.action_effect = torch.tensor(
            [amounts(action.effect) for action in ACTIONS], device=device
        )
        self.move = torch.tensor([a.dx + a.dy * level.width for a in ACTIONS], device=device)
        self.legal = legal_actions(level).to(device)
        # As tensors, since a Python number in torch.where is turned into one at every step.
        self.ended_row = torch.tensor(len(self.legal) - 1, device=device)
        self.wait, self.nowhere = torch.tensor([WAIT, -1], device=device)
        self.nothing, self.zero = (
            torch.tensor(NOTHING, device=device),
            torch.zeros((), device=device),
        )
        uses = [use_of(affordance, level.temporal) for affordance in AFFORDANCES]
        nothing = (0.0, NEVER, [0.0] * len(METERS), [0.0] * len(METERS))
        prices, last_ticks, ticks, completions = zip(*uses, nothing, strict=True)
        self.price = torch.tensor(prices, device=device) - PENNY
        self.last_tick = torch.tensor(last_ticks, device=device)
        self.use_effect = torch.tensor([*ticks, *completions], device=device)
        self.open = opening_hours(level.temporal).to(device)
        self.temporal = level.temporal

    def act(
        self,
        actions: Tensor,
        underfoot: Tensor,
        meters: Tensor,
        progress: Tensor,
        active: Tensor | None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Take legal actions and use the places underfoot.

        Args:
            actions, underfoot, progress: [N] int64. meters: [N, 8].
            active: [N, 8] bool, the meters that change; None for all of them.
        Returns: [N, 8] the meters after it, and what was used: affordance [N] id, -1 for none;
            completed and refused_poor [N] bool.
        """
        before = meters
        meters = (meters + self.action_effect.index_select(0, actions)).clamp_(0.0, 1.0)
        interact = actions == INTERACT
        can_pay = before[:, MONEY] >= self.price.index_select(0, underfoot)
        if active is not None:
            can_pay = can_pay | ~active[:, MONEY]  # without money the town is free
        paid = interact & can_pay
        row = torch.where(paid, underfoot, self.nothing)
        completed = paid
        if self.temporal:
            completed = (self.last_tick.index_select(0, underfoot) == progress) & paid
            row = torch.add(row, completed, alpha=NOTHING + 1)
        meters = (meters + self.use_effect.index_select(0, row)).clamp_(0.0, 1.0)
        if active is not None:
            meters = torch.where(active, meters, before)
        affordance = torch.where(paid, underfoot, self.nowhere)
        return meters, {
            "affordance": affordance,
            "completed": completed,
            "refused_poor": interact ^ paid,
        }


def use_of(affordance: Affordance, temporal: bool) -> tuple[float, int, list[float], list[float]]:
    """Price, progress before the last tick, effect of a tick, effect of the last tick.

    Without temporal mechanics a use is one tick that has the effect of all.
    """
    if not temporal:
        whole = amounts(affordance.total_effect(), affordance.price)
        return affordance.price, 0, whole, whole
    last = dict(affordance.per_tick)
    for name, amount in affordance.on_completion.items():
        last[name] = last.get(name, 0.0) + amount
    price = affordance.tick_price
    return price, affordance.ticks - 1, amounts(affordance.per_tick, price), amounts(last, price)


def opening_hours(temporal: bool) -> Tensor:
    """[15 * 24] bool. Without temporal mechanics every place is always open."""
    hours = [
        not temporal or affordance.is_open(hour)
        for affordance in AFFORDANCES
        for hour in range(HOURS)
    ]
    return torch.tensor([*hours, *[False] * HOURS])


def legal_actions(level: TownLevel) -> Tensor:
    """[2 C + 1, 8] bool: C rows with no open place underfoot, C with one, one for the ended."""
    enabled = torch.tensor([name not in level.disabled_actions for name in ACTION_NAMES])
    cells = torch.arange(level.cells)
    columns, rows = cells % level.width, cells // level.width
    table = enabled.repeat(2, level.cells, 1)
    for index, action in enumerate(ACTIONS):
        x, y = columns + action.dx, rows + action.dy
        table[:, :, index] &= (x >= 0) & (x < level.width) & (y >= 0) & (y < level.height)
    table[0, :, INTERACT] = False
    ended = torch.zeros(1, len(ACTIONS), dtype=torch.bool)
    ended[0, WAIT] = True
    return torch.cat((table.flatten(0, 1), ended))
