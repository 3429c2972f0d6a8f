"""Where things stand when an episode begins.

Shapes: K rows to place, C cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from hamlet.envs.town.level import TownLevel
from hamlet.envs.town.tables import AFFORDANCE_ID, HOURS, NOTHING
from hamlet.errors import Problem, ShapeError, SpecError
from hamlet.schema import describe

MAX_SEED = 2**63 - 1


class Placement(NamedTuple):
    """places: [K, 14] cell of each affordance or -1. ground: [K, C] affordance id or NOTHING.
    cell, hour: [K], where and when the agent begins. All int64."""

    places: Tensor
    ground: Tensor
    cell: Tensor
    hour: Tensor


def place_at_random(
    level: TownLevel, rows: int, generator: torch.Generator, seed: int | Sequence[int] | None
) -> Placement:
    """Draw distinct cells for the affordances, a cell for the agent and, if random, the hour.

    Each row takes the same count of random numbers whatever the level, row after row, so that the
    first row of a large batch starts as a batch of one does (CPU).

    Raises: SpecError if a seed is out of range; ShapeError if there is not one seed per row.
    """
    drawn = draw(rows, level.cells + 2, generator, seed)
    device = drawn.device
    kinds = torch.tensor([AFFORDANCE_ID[name] for name in level.affordances], device=device)
    # Sorting random scores is a fair shuffle: its first entries are distinct random cells.
    shuffled = drawn[:, : level.cells].argsort(dim=1, stable=True)[:, : len(kinds)]
    places = torch.full((rows, NOTHING), -1, device=device).index_copy(1, kinds, shuffled)
    ground = torch.full((rows, level.cells), NOTHING, device=device)
    ground.scatter_(1, shuffled, kinds.expand(rows, -1))
    cell = (drawn[:, -2] * level.cells).long().clamp_max(level.cells - 1)
    if level.start_hour is None:
        hour = (drawn[:, -1] * HOURS).long().clamp_max(HOURS - 1)
    else:
        hour = torch.full((rows,), level.start_hour, device=device)
    return Placement(places, ground, cell, hour)


def draw(
    rows: int, columns: int, generator: torch.Generator, seed: int | Sequence[int] | None
) -> Tensor:
    """[rows, columns] uniform in [0, 1), from the generator as it stands or from given seeds."""
    options = {"generator": generator, "device": generator.device}
    if not isinstance(seed, list | tuple | range):
        if seed is not None:
            generator.manual_seed(checked_seed(seed))
        return torch.rand(rows, columns, **options)
    if len(seed) != rows:
        raise ShapeError(f"found {len(seed)} seeds; expected {rows}, one for each row to reset")
    drawn = torch.empty(rows, columns, device=generator.device)
    # All are checked before the generator is touched.
    for row, own in enumerate([checked_seed(own) for own in seed]):
        generator.manual_seed(own)
        torch.rand(columns, out=drawn[row], generator=generator)
    return drawn


def checked_seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        message = f"found {describe(seed)}; expected a whole number from 0 to {MAX_SEED}"
        raise SpecError([Problem("seed", message)])
    return seed
