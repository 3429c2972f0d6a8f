"""The level's own reward, and how strongly curiosity counts where a meter stands.

Shapes: N environments, 8 meters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hamlet.envs.town.tables import METER_ID

Reward = Callable[[Tensor], Tensor]


class RewardStreams(NamedTuple):
    """What one step paid. The learner adds its intrinsic stream between the two.

    Attributes:
        extrinsic, shaping: [N] float32.
        terms: the columns that `shaping` is the sum of, by name; empty where none is on.
    """

    extrinsic: Tensor
    shaping: Tensor
    terms: dict[str, Tensor]


def extrinsic_reward(spec: Mapping[str, Any]) -> Reward:
    """The function from meters [N, 8] to reward [N] that a level's `extrinsic` describes."""
    return KINDS[spec["kind"]](spec)


def multiplicative(spec: Mapping[str, Any]) -> Reward:
    columns = [METER_ID[name] for name in spec["meters"]]

    def reward(meters: Tensor) -> Tensor:
        return reduce(torch.mul, (meters[:, column] for column in columns))

    return reward


def constant_base_with_bonus(spec: Mapping[str, Any]) -> Reward:
    bonuses = [(METER_ID[b["meter"]], b["weight"], b["center"]) for b in spec["bonuses"]]

    def reward(meters: Tensor) -> Tensor:
        total = torch.full_like(meters[:, 0], spec["base"])
        for column, weight, center in bonuses:
            total = total + (meters[:, column] - center) * weight
        return total

    return reward


def weighted_sum(spec: Mapping[str, Any]) -> Reward:
    weights = [(METER_ID[entry["meter"]], entry["weight"]) for entry in spec["weights"]]

    def reward(meters: Tensor) -> Tensor:
        return reduce(torch.add, (meters[:, column] * weight for column, weight in weights))

    return reward


def min_of(spec: Mapping[str, Any]) -> Reward:
    columns = [METER_ID[name] for name in spec["meters"]]

    def reward(meters: Tensor) -> Tensor:
        return reduce(torch.minimum, (meters[:, column] for column in columns))

    return reward


def threshold(spec: Mapping[str, Any]) -> Reward:
    """`reward` while every named meter is above the bound, else `otherwise`."""
    lowest = min_of(spec)

    def reward(meters: Tensor) -> Tensor:
        above = lowest(meters) > spec["above"]
        return torch.full_like(meters[:, 0], spec["otherwise"]).masked_fill_(above, spec["reward"])

    return reward


KINDS: dict[str, Callable[[Mapping[str, Any]], Reward]] = {
    "multiplicative": multiplicative,
    "constant_base_with_bonus": constant_base_with_bonus,
    "weighted_sum": weighted_sum,
    "min_of": min_of,
    "threshold": threshold,
}


def intrinsic_modifier(modifiers: Sequence[Mapping[str, Any]]) -> Reward:
    """The function from meters [N, 8] to the factor [N] that curiosity is multiplied with.

    A modifier counts while min <= meter < max; a max of 1 includes 1. Several multiply.
    """

    def factor(meters: Tensor) -> Tensor:
        total = torch.ones_like(meters[:, 0])
        for modifier in modifiers:
            level = meters[:, METER_ID[modifier["meter"]]]
            inside = level >= modifier["min"]
            if modifier["max"] < 1.0:
                inside = inside & (level < modifier["max"])
            total = torch.where(inside, total * modifier["multiplier"], total)
        return total

    return factor
