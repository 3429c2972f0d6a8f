"""The turned and mirrored towns in which a transition is as true as in its own.

Nothing in a town depends on where north lies: turn the map, and the same moves turned with it lead
to the same life. Learning from a randomly turned batch shows a network up to eight times as many
towns as were played.

Letters: B transitions, D numbers of an observation, A actions.
Source: Lin et al. 2019, "Invariant Transform Experience Replay",
https://arxiv.org/abs/1909.10707, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from hamlet.errors import Problem, SpecError
from hamlet.layout import ObservationLayout
from hamlet.learning.transitions import Transitions

STEPS = {"UP": (0, -1), "DOWN": (0, 1), "LEFT": (-1, 0), "RIGHT": (1, 0)}


@dataclass(frozen=True)
class Symmetry:
    """One way to turn or mirror a map.

    Attributes:
        columns: [D] where each number of the turned observation stood before.
        mirrored: columns that hold a coordinate in [0, 1] counted from the other side now.
        actions: [A] what each action is called in the turned town. origins: [A] its inverse.
    """

    columns: Tensor
    mirrored: tuple[int, ...]
    actions: Tensor
    origins: Tensor


class Symmetries:
    """All symmetries of a layout's grid: eight of a square, four of another rectangle."""

    def __init__(self, layout: ObservationLayout, device: torch.device | str = "cpu") -> None:
        """Raises: SpecError for a layout without a grid or without the four moves."""
        if not (layout.has("grid") and layout.has("position") and set(STEPS) <= {*layout.actions}):
            message = f"found true; expected a layout with grid, position and {', '.join(STEPS)}"
            raise SpecError([Problem("replay.symmetries", message)])
        rows, columns = layout.group("grid").shape[-2:]
        swaps = (False, True) if rows == columns else (False,)
        ways = product(swaps, (False, True), (False, True))
        self.all = [symmetry(layout, *way, device=device) for way in ways]

    def turn(self, batch: Transitions, which: int) -> None:
        """Write over observations, actions and masks of the batch with their turned selves."""
        way = self.all[which]
        for observations in (batch.observations, batch.next_observations):
            observations.copy_(observations.index_select(1, way.columns))
            for column in way.mirrored:
                observations[:, column].neg_().add_(1.0)
        batch.actions.copy_(way.actions[batch.actions])
        for masks in (batch.masks, batch.next_masks):
            masks.copy_(masks.index_select(1, way.origins))

    def draw(self, count: int, generator: torch.Generator) -> list[int]:
        """`count` of them, each as likely as any other."""
        drawn = torch.randint(len(self.all), (count,), generator=generator, device=generator.device)
        return drawn.tolist()


def symmetry(
    layout: ObservationLayout,
    swap: bool,
    mirror_x: bool,
    mirror_y: bool,
    *,
    device: torch.device | str,
) -> Symmetry:
    """Swap the axes first, then mirror left and right, then up and down."""
    grid, x, y = layout.group("grid"), *range(*layout.group("position").slice.indices(layout.size))
    numbers = torch.arange(layout.size)
    cells = numbers[grid.slice].view(-1, *grid.shape[-2:])
    if swap:
        cells = cells.transpose(1, 2)
    flipped = [axis for axis, mirror in ((2, mirror_x), (1, mirror_y)) if mirror]
    numbers[grid.slice] = cells.flip(flipped).flatten()
    if swap:
        numbers[x], numbers[y] = y, x
    origins = torch.tensor(
        [layout.actions.index(came_from(name, swap, mirror_x, mirror_y)) for name in layout.actions]
    )
    return Symmetry(
        columns=numbers.to(device),
        mirrored=tuple(column for column, mirror in ((x, mirror_x), (y, mirror_y)) if mirror),
        actions=origins.argsort().to(device),
        origins=origins.to(device),
    )


def came_from(action: str, swap: bool, mirror_x: bool, mirror_y: bool) -> str:
    """The action that is called `action` once the town is turned."""
    if action not in STEPS:
        return action
    across, down = STEPS[action]
    across, down = -across if mirror_x else across, -down if mirror_y else down
    if swap:
        across, down = down, across
    return next(name for name, step in STEPS.items() if step == (across, down))
